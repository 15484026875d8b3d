"""Outcomes joined with lists, against looking each row up in a dictionary."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import Batch
from detectors.core.hashing import hash_integers, hash_texts
from monitor.outcomes import rows as rows_module
from monitor.outcomes.rows import SKEW, OutcomeRows
from tests.detectors.batches import HOUR, START, random_batch

MINUTE = HOUR // 60
DELAY = 20 * MINUTE


@dataclass(frozen=True)
class Happened:
    """One row of an outcomes' log, by number of the request and of the item."""

    request: int
    item: int
    minutes: int  # after the start of the window
    kind: str  # "click", "conversion" or another
    value: float | None = None


happened = st.builds(
    Happened,
    request=st.integers(0, 14),
    item=st.integers(0, 6),
    minutes=st.integers(-20, 90),
    kind=st.sampled_from(["click", "click", "conversion", "view"]),
    value=st.sampled_from([None, 1.0, 2.5, 9.0]),
)


def lists(seed: int) -> Batch:
    """Twelve requests, some with an item twice, of the fifteen that outcomes speak of."""
    batch = random_batch(np.random.default_rng(seed), requests=12, items=6, longest=5)
    return replace(
        batch, request=hash_integers(np.random.default_rng(seed).permutation(15)[: batch.n_requests])
    )


def outcome_rows(log: list[Happened], *, rate: float = 1.0) -> OutcomeRows:
    """As they are kept in memory, in two parts."""
    counted = [h for h in log if h.kind != "view"]
    columns = (
        hash_integers(np.array([h.request for h in counted], np.int64)),
        hash_texts(f"item-{h.item}" for h in counted),
        np.array([START + h.minutes * MINUTE for h in counted], np.int64),
        np.array([h.kind == "click" for h in counted], bool),
        np.array([h.kind == "conversion" for h in counted], bool),
        np.array([h.value if h.kind == "conversion" and h.value else np.nan for h in counted], float),
    )
    half = len(counted) // 2
    parts = [tuple(c[:half] for c in columns), tuple(c[half:] for c in columns)]
    return OutcomeRows.of(parts, DELAY, ("click", "conversion", "value"), rate)


def by_dictionary(batch: Batch, log: list[Happened]) -> list[tuple[bool, bool, float | None]]:
    """What happened with each row, looked up one by one."""
    known = defaultdict(list)
    for h in log:
        key = int(hash_integers(np.array([h.request]))[0]), f"item-{h.item}"
        known[key].append((START + h.minutes * MINUTE, h.kind, h.value))
    out = []
    for r in range(batch.n_requests):
        seen = set()
        for i in range(int(batch.offsets[r]), int(batch.offsets[r + 1])):
            name = batch.item_names[int(batch.item[i])]
            found = [] if name in seen else known[int(batch.request[r]), name]
            seen.add(name)
            in_time = sorted(
                (h for h in found if -SKEW <= h[0] - int(batch.time[r]) <= DELAY), key=lambda h: h[0]
            )
            kinds = {kind for _, kind, _ in in_time}
            worth = [value for _, kind, value in in_time if kind == "conversion" and value]
            out.append(("click" in kinds, "conversion" in kinds, worth[0] if worth else None))
    return out


def by_join(batch: Batch, rows: OutcomeRows) -> list[tuple[bool, bool, float | None]]:
    joined = rows.join(batch)
    assert joined.click is not None
    assert joined.converted is not None
    assert joined.worth is not None
    assert joined.has >= {"click", "conversion", "value"}
    worth = [None if np.isnan(w) else float(w) for w in joined.worth]
    return list(zip(joined.click.tolist(), joined.converted.tolist(), worth, strict=True))


@pytest.fixture(params=[3, 1 << 22], ids=["a few places at a time", "all at once"])
def compared(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_module, "COMPARED", request.param)


@pytest.mark.usefixtures("compared")
@given(seed=st.integers(0, 2**32), log=st.lists(happened, max_size=40))
def test_the_join_finds_what_a_dictionary_finds(seed: int, log: list[Happened]) -> None:
    # The first of two worths at one moment is either.
    log = list({(h.request, h.item, h.minutes, h.kind): h for h in log}.values())
    batch = lists(seed)
    assert by_join(batch, outcome_rows(log)) == by_dictionary(batch, log)


@given(seed=st.integers(0, 2**32), log=st.lists(happened, max_size=30), times=st.integers(2, 4))
def test_an_outcome_that_is_logged_again_counts_once(seed: int, log: list[Happened], times: int) -> None:
    log = list({(h.request, h.item, h.minutes, h.kind): h for h in log}.values())
    batch = lists(seed)
    assert by_join(batch, outcome_rows(log * times)) == by_join(batch, outcome_rows(log))


@given(seed=st.integers(0, 2**32), log=st.lists(happened, max_size=30), cut=st.integers(0, 12))
def test_parts_of_the_lists_are_joined_as_all_of_them(seed: int, log: list[Happened], cut: int) -> None:
    batch, rows = lists(seed), outcome_rows(log)
    first = np.arange(batch.n_requests) < cut
    parts = by_join(batch.select(first), rows) + by_join(batch.select(~first), rows)
    assert parts == by_join(batch, rows)


@given(seed=st.integers(0, 2**32), log=st.lists(happened, max_size=30))
def test_where_outcomes_are_of_a_part_of_the_requests_only_those_are_looked_at(
    seed: int, log: list[Happened]
) -> None:
    batch = lists(seed)
    chosen = batch.request < np.uint64(2**63)
    part = outcome_rows([h for h in log if hash_integers(np.array([h.request]))[0] < 2**63], rate=0.5)
    joined = part.join(batch)
    assert joined.request.tolist() == batch.request[chosen].tolist()
    whole = outcome_rows(log).join(batch.select(chosen))
    assert whole.click is not None
    assert joined.click is not None
    assert joined.click.tolist() == whole.click.tolist()


def test_limits_of_time_are_part_of_it() -> None:
    batch = lists(0)
    at = int(batch.time[0])
    item = int(batch.item[int(batch.offsets[0])])
    for moment, counts in (
        (at - SKEW, True),
        (at - SKEW - 1, False),
        (at + DELAY, True),
        (at + DELAY + 1, False),
    ):
        one = OutcomeRows(
            batch.request[:1], batch.item_hash[[item]], np.array([moment]), np.array([True]), np.array([False]),
            np.array([np.nan]), DELAY, 1.0, ("click",),
        )  # fmt: skip
        joined = one.join(batch)
        assert joined.click is not None
        assert bool(joined.click.any()) is counts


def test_clicks_of_the_log_stay_where_the_outcomes_log_tells_of_conversions_alone() -> None:
    batch = lists(3)
    rows = replace(outcome_rows([Happened(1, 1, 5, "conversion")]), kinds=("conversion",))
    joined = rows.join(batch)
    assert joined.click is batch.click
    assert joined.worth is None
    assert "conversion" in joined.has
