"""Laws of every statistic and detector that discovery finds; a new one is tested without a new test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import Batch, Catalog, Context, Detector, Earlier, Measurement, Statistic, Summary, discover
from detectors.core import batch as batch_module
from detectors.core.expected import in_place
from detectors.core.statistic import as_members
from detectors.statistics import keyed, minutes, panel, request_ids
from tests.detectors.batches import HOUR, START, batches, measure_summary, only, parts_of, random_batch, split

DETECTORS = [found() for found in discover().values()]
STATISTICS = sorted({s for d in DETECTORS for s in d.statistics}, key=lambda s: s.name)
CATALOG = Catalog.of(
    [f"item-{i}" for i in range(40)],
    category=[f"category-{i % 3}" for i in range(40)],
    provider=[f"provider-{i % 7}" for i in range(40)],
    created_us=[START - (i % 12) * 24 * HOUR for i in range(40)],
    blocked=[i % 9 == 4 for i in range(40)],
    out_of_stock=[i % 5 == 3 for i in range(40)],
)
EARLIER = {
    START - back * HOUR: random_batch(np.random.default_rng(back), requests=200, items=40)
    for back in (1, 2, 24)
}


@cache
def earlier(where: tuple[tuple[str, str], ...] = ()) -> tuple[Earlier, ...]:
    """Windows before, with the rows of one slice alone."""
    batches = {t: only(batch, in_place(batch.cells, dict(where))) for t, batch in EARLIER.items()}
    return tuple(Earlier(t, Summary.of(batch, STATISTICS)) for t, batch in batches.items())


def context(where: Mapping[str, str] = MappingProxyType({})) -> Context:
    return Context(
        (START, START + HOUR), catalog=CATALOG, earlier=lambda: earlier(tuple(sorted(where.items())))
    )


CONTEXT = context()

every_statistic = pytest.mark.parametrize("kind", STATISTICS, ids=lambda s: s.name)
every_detector = pytest.mark.parametrize("detector", DETECTORS, ids=lambda d: d.name)
seeds = st.integers(0, 2**32)


@pytest.fixture(scope="module", autouse=True)
def small_limits() -> Iterator[None]:
    """Limits so small that these batches pass them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(panel, "USERS", 5)
        patch.setattr(panel, "LISTS", 2)
        patch.setattr(request_ids, "IDS", 8)
        patch.setattr(batch_module, "LONG_LIST", 4)
        yield


def merged(parts: list[Statistic]) -> Statistic:
    total = parts[0]
    for part in parts[1:]:
        total = total.merge(part)
    return total


def check_associative(a: Statistic, b: Statistic, c: Statistic) -> None:
    assert a.merge(b).merge(c).equals(a.merge(b.merge(c)))


def check_commutative(a: Statistic, b: Statistic) -> None:
    assert a.merge(b).equals(b.merge(a))


def check_neutral(a: Statistic) -> None:
    assert a.merge(type(a).empty()).equals(a)
    assert type(a).empty().merge(a).equals(a)


def check_parts(kind: type[Statistic], batch: Batch, seed: int) -> None:
    rng = np.random.default_rng(seed)
    whole = kind.from_batch(batch)
    for part, parts in parts_of(rng, batch.n_requests):
        made = [kind.from_batch(p) for p in split(batch, part, parts)]
        assert merged([made[i] for i in rng.permutation(parts)]).equals(whole)


@every_statistic
@given(a=batches(), b=batches(), c=batches())
def test_merge_is_a_commutative_monoid(kind: type[Statistic], a: Batch, b: Batch, c: Batch) -> None:
    x, y, z = kind.from_batch(a), kind.from_batch(b), kind.from_batch(c)
    check_associative(x, y, z)
    check_commutative(x, y)
    check_neutral(x)
    check_neutral(kind.empty())


@every_statistic
@given(batch=batches(), seed=seeds)
def test_parts_make_the_whole(kind: type[Statistic], batch: Batch, seed: int) -> None:
    check_parts(kind, batch, seed)


@every_statistic
@given(batch=batches(), seed=seeds)
def test_parts_with_cells_of_their_own_make_the_whole(kind: type[Statistic], batch: Batch, seed: int) -> None:
    rng = np.random.default_rng(seed)
    part = rng.integers(0, 3, len(batch.cells))
    made = [kind.from_batch(only(batch, part == p)) for p in range(3)]
    assert merged([made[i] for i in rng.permutation(3)]).equals(kind.from_batch(batch))


@every_statistic
@given(a=batches(), b=batches(), c=batches(), seed=seeds)
def test_what_batches_contribute_is_all_that_a_state_needs_of_them(
    kind: type[Statistic], a: Batch, b: Batch, c: Batch, seed: int
) -> None:
    x, y, z = (kind.from_batch(batch) for batch in (a, b, c))
    parts = [x, x.contribution(b), x.contribution(c)]
    order = np.random.default_rng(seed).permutation(3)
    assert kind.merge_all([parts[i] for i in order]).equals(merged([x, y, z]))
    assert kind.merge_all([kind.empty().contribution(a)]).equals(x)


@every_statistic
@given(a=batches())
def test_counting_by_sorting_is_counting_by_tables(kind: type[Statistic], a: Batch) -> None:
    x = kind.from_batch(a)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keyed, "SMALL_TABLE", 0)
        patch.setattr(minutes, "LONG_SPAN", 0)
        assert kind.from_batch(a).equals(x)


@every_statistic
@given(batch=batches())
def test_bytes_there_and_back(kind: type[Statistic], batch: Batch) -> None:
    state = kind.from_batch(batch)
    again = kind.from_bytes(state.to_bytes())
    assert again.equals(state)
    assert again.to_bytes() == state.to_bytes()
    assert again.merge(state).equals(state.merge(state))  # what was read can be worked with


@every_statistic
def test_bytes_of_something_else_are_refused(kind: type[Statistic], monkeypatch: pytest.MonkeyPatch) -> None:
    blob = kind.from_batch(random_batch(np.random.default_rng(1))).to_bytes()
    name, was = kind.name, kind.version
    monkeypatch.setattr(kind, "version", was + 1)
    with pytest.raises(
        ValueError, match=f"^state is of {kind.name} version {was}, wanted {kind.name} version {was + 1}$"
    ):
        kind.from_bytes(blob)
    monkeypatch.undo()
    monkeypatch.setattr(kind, "name", "another")
    with pytest.raises(ValueError, match=f"^state is of {name} version {was}, wanted another version {was}$"):
        kind.from_bytes(blob)


@every_statistic
def test_damaged_bytes_are_refused(kind: type[Statistic]) -> None:
    blob = kind.from_batch(random_batch(np.random.default_rng(2))).to_bytes()
    whole = kind.from_bytes(blob)
    for broken in (b"", b"no Arrow at all", blob[: len(blob) // 2], blob[:40]):
        with pytest.raises(ValueError, match=f"^state of {kind.name} is damaged: it cannot be read$"):
            kind.from_bytes(broken)
    refused = 0
    for at in range(0, len(blob), 11):
        flipped = bytearray(blob)
        flipped[at] ^= 0x10
        try:
            assert kind.from_bytes(bytes(flipped)).equals(whole)  # only padding was hit
        except ValueError as error:
            refused += 1
            assert str(error).startswith(("state of ", "state is of "))  # noqa: PT017  either way is right
    assert refused > len(blob) / 11 / 2


@every_statistic
def test_a_broken_merge_breaks_a_law(kind: type[Statistic]) -> None:
    class DropsOther(kind):
        def merge(self, other: Statistic) -> Statistic:
            return self

    class AddsTwice(kind):
        def merge(self, other: Statistic) -> Statistic:
            return kind.merge(kind.merge(self, other), other)

    batch = random_batch(np.random.default_rng(3), requests=200)
    check_parts(kind, batch, 0)
    for broken in (DropsOther, AddsTwice):
        with pytest.raises(AssertionError):
            check_parts(broken, batch, 0)
    a, b = (DropsOther.from_batch(random_batch(np.random.default_rng(seed))) for seed in (4, 5))
    with pytest.raises(AssertionError):
        check_commutative(a, b)
    with pytest.raises(AssertionError):
        check_neutral(a)


@every_statistic
@given(batch=batches())
def test_groups_are_the_cells_of_the_batch(kind: type[Statistic], batch: Batch) -> None:
    groups = kind.from_batch(batch).groups
    assert len(groups) in (0, len(batch.cells))
    assert np.isin(groups, batch.cells.keys).all()
    assert as_members(batch.cells.slices.members, batch.cells.keys, groups).shape[1] == len(groups)


def same(a: Measurement, at: int, b: Measurement, bt: int) -> None:
    for x, y in ((a.value[at], b.value[bt]), (a.error[at], b.error[bt]), (a.n[at], b.n[bt])):
        assert (a.measure, x) == (a.measure, pytest.approx(y, rel=1e-9, abs=1e-12, nan_ok=True))
    if a.evidence and b.evidence:
        assert a.evidence(at) == b.evidence(bt)


@every_detector
@given(batch=batches(least=1))
def test_a_slice_measures_as_its_rows_alone_do(detector: Detector, batch: Batch) -> None:
    whole = measure_summary(detector, Summary.of(batch, detector.statistics), CONTEXT)
    for s, members in enumerate(batch.cells.slices.members):
        rows = Summary.of(only(batch, members), detector.statistics)
        alone = measure_summary(detector, rows, context(batch.cells.slices.wheres[s]))
        assert alone.keys() == whole.keys()
        for name, found in whole.items():
            if name == "repeated_ids_share" and s:  # said of the whole alone
                assert np.isnan(found.value[s])
            elif name == "mean_length" and s:  # how lengths vary is said by the whole, too
                assert found.value[s] == pytest.approx(alone[name].value[0], nan_ok=True)
            elif not s or name not in (
                "slice_mix",
                "learned_share",
                "degenerate_share",
                "shared_share",
            ):  # of a part of the whole
                same(found, s, alone[name], 0)


@every_detector
@given(batch=batches(least=1))
def test_slices_are_added_up_alike_from_tables_and_from_lists(detector: Detector, batch: Batch) -> None:
    summary = Summary.of(batch, detector.statistics)
    whole = measure_summary(detector, summary, CONTEXT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keyed, "DENSE", 0)
        for name, found in measure_summary(detector, summary, CONTEXT).items():
            for s in range(len(found.value)):
                same(found, s, whole[name], s)


@every_detector
@given(batch=batches(least=1), seed=seeds)
def test_a_detector_sees_no_difference_between_parts_and_whole(
    detector: Detector, batch: Batch, seed: int
) -> None:
    whole = measure_summary(detector, Summary.of(batch, detector.statistics), CONTEXT)
    for part, parts in parts_of(np.random.default_rng(seed), batch.n_requests):
        total = Summary()
        for p in split(batch, part, parts):
            total = total.merge(Summary.of(p, detector.statistics))
        for name, found in measure_summary(detector, total, CONTEXT).items():
            for s in range(len(batch.cells.slices)):
                if (
                    found.evidence and name in whole
                ):  # of rare items, names may be kept in parts and not in the whole
                    found = Measurement(name, found.value, found.error, found.n)
                same(found, s, whole[name], s)


@every_detector
@given(batch=batches())
def test_measurements_say_how_sure_they_are(detector: Detector, batch: Batch) -> None:
    there = batch.has | {"item", "catalog", "slices"} | CATALOG.parts
    declared = {m.name for m in detector.measures() if m.needs <= there}
    for name, found in measure_summary(detector, Summary.of(batch, detector.statistics), CONTEXT).items():
        assert name in declared
        assert len(found.value) == len(found.error) == len(found.n) == len(batch.cells.slices)
        known = np.isfinite(found.value)
        assert (found.error[known] >= 0).all(), name
        assert np.isfinite(found.error[known]).all(), name
        assert (found.n[known] >= 0).all(), name
        for s in range(len(found.value)):
            if found.evidence:
                assert isinstance(dict(found.evidence(s)), dict)


@every_detector
def test_nothing_can_be_measured_of_no_rows(detector: Detector) -> None:
    nothing = Summary(has=frozenset({"request", "user", "position", "score"}))
    context = replace(CONTEXT, catalog=None, earlier=lambda: [Earlier(START - HOUR, nothing)])
    for name, found in measure_summary(detector, nothing, context).items():
        unit = {m.name: m.unit for m in detector.measures()}[name]
        assert len(found.value) == 1
        if unit.counts_traffic or name in ("users", "silence"):
            assert np.isfinite(found.value[0])
        else:
            assert np.isnan(found.value[0]), name


@pytest.mark.parametrize("seed", range(3))
def test_most_measurements_of_these_tests_are_decided(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panel, "USERS", 1024)
    now, before, longer_ago = (
        random_batch(np.random.default_rng([seed, window]), requests=300) for window in range(3)
    )
    finite = total = 0
    for detector in DETECTORS:
        earlier = [
            Earlier(START - (ago + 1) * HOUR, Summary.of(batch, detector.statistics))
            for ago, batch in enumerate((before, longer_ago))
        ]
        context = replace(CONTEXT, earlier=lambda earlier=earlier: earlier)
        for found in measure_summary(detector, Summary.of(now, detector.statistics), context).values():
            finite += int(np.isfinite(found.value).sum())
            total += len(found.value)
    assert finite / total > 0.85


@given(batch=batches(), low=st.floats(0, 1), high=st.floats(0, 1))
def test_samples_nest(batch: Batch, low: float, high: float) -> None:
    low, high = sorted((low, high))
    few, more = batch.sample(low), batch.sample(high)
    assert set(few.user.tolist()) <= set(more.user.tolist())
    assert few.n_requests <= more.n_requests <= batch.n_requests
    assert more.sample(low).n_requests == few.n_requests
    kept = set(more.user.tolist())
    assert more.n_requests == sum(u in kept for u in batch.user.tolist())  # a user's requests stay together


@given(batch=batches(), seed=seeds)
def test_a_batch_of_chosen_requests_holds_their_rows(batch: Batch, seed: int) -> None:
    chosen = np.random.default_rng(seed).random(batch.n_requests) < 0.5
    part = batch.select(chosen)
    rows = [
        (batch.item[o:e].tolist(), batch.position[o:e].tolist())
        for o, e, c in zip(batch.offsets[:-1], batch.offsets[1:], chosen, strict=True) if c
    ]  # fmt: skip
    found = [
        (part.item[o:e].tolist(), part.position[o:e].tolist())
        for o, e in zip(part.offsets[:-1], part.offsets[1:], strict=True)
    ]
    assert found == rows
