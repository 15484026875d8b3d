"""A drill: what it breaks, what is told of it, and that nothing stays of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.core.batch import Batch
from detectors.core.expected import NOTHING_EXPECTED, Expected
from detectors.core.verdict import Severity
from monitor.cli.drill import KINDS as OFFERED
from monitor.config.expected import ExpectedSameness
from monitor.config.models import Mode, RecommenderConfig
from monitor.control.commands import Drill, perform
from monitor.drill.drills import Drills, WithDrills
from monitor.drill.kinds import ITEM, KINDS, breaking
from monitor.drill.run import drill
from monitor.drill.words import chosen, lines_of
from monitor.errors import UserError
from monitor.incidents.incident import Resolution
from monitor.store import Store
from tests.detectors.batches import EVERYTHING, of_lists, random_batch
from tests.monitor.cycle.small_shop import cycle, due_at, hour, shop, write_hours
from tests.monitor.factories import HOUR, NOON, evaluation, incident

LAST = 5
NOW = due_at(LAST) + timedelta(minutes=1)


def names(batch: Batch) -> list[list[str]]:
    """Item names by request."""
    flat = [batch.item_names[int(code)] for code in batch.item]
    return [flat[a:b] for a, b in zip(batch.offsets, batch.offsets[1:], strict=False)]


# What is broken


def test_the_same_item_is_put_first_in_the_lists_of_the_place_alone() -> None:
    batch = of_lists([["a", "b"], ["c", "d"], ["e"]], surfaces=["email", "home", "email"])
    broken = breaking("same_item", {"surface": "email"}, NOTHING_EXPECTED)(batch)
    assert names(broken) == [[ITEM, "b"], ["c", "d"], [ITEM]]
    assert names(batch) == [["a", "b"], ["c", "d"], ["e"]]  # it was a copy


def test_a_pinned_place_is_left_to_what_is_pinned_there() -> None:
    batch = of_lists([["ad", "a", "b"], ["ad", "c", "d"]])
    broken = breaking("same_item", {}, Expected(positions=(({}, 1),)))(batch)
    assert names(broken) == [["ad", ITEM, "b"], ["ad", ITEM, "d"]]


def test_one_list_for_everybody() -> None:
    batch = of_lists([["a", "b", "c"], ["d", "e"]])
    broken = breaking("same_list", {}, NOTHING_EXPECTED)(batch)
    assert names(broken) == [[f"{ITEM}-1", f"{ITEM}-2", f"{ITEM}-3"], [f"{ITEM}-1", f"{ITEM}-2"]]


@given(seed=st.integers(0, 2**32), kind=st.sampled_from(sorted(KINDS)), listed=st.booleans())
def test_nothing_else_of_a_batch_changes(seed: int, kind: str, listed: bool) -> None:
    has = EVERYTHING if listed else EVERYTHING - {"request"}
    batch = random_batch(np.random.default_rng(seed), has=has).read_only()
    broken = breaking(kind, {"country": "C0"}, NOTHING_EXPECTED)(batch)
    for before, after, values in zip(
        names(batch), names(broken), (batch.cells.values[c] for c in batch.cell), strict=True
    ):
        assert len(before) == len(after)
        assert [i for i in after if not i.startswith(ITEM)] == [
            b for b, a in zip(before, after, strict=True) if not a.startswith(ITEM)
        ]
        if values[0] != "C0":
            assert before == after
        elif not listed and kind == "same_item":
            assert after == [ITEM] * len(before)
    for name in ("cell", "offsets", "position", "user", "request", "time", "score", "click"):
        assert getattr(broken, name) is getattr(batch, name)


def test_the_command_offers_what_there_is() -> None:
    assert tuple(KINDS) == OFFERED


# What is told


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_hours(tmp_path / "log", range(LAST + 1))
    return tmp_path


def evaluated(root: Path, **fields: object) -> RecommenderConfig:
    recommender = shop(root / "log", slices=["surface"], labels={"team": "discovery"}, **fields)
    with Store.open(root / "state") as store:
        cycle(recommender, store, due_at(LAST))
    return recommender


def digests(root: Path) -> dict[str, str]:
    return {
        str(p): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(root.rglob("*"))
        if p.is_file() and not p.name.endswith(("-wal", "-shm"))
    }


def test_a_drill_is_told_as_a_page_that_says_what_it_is_and_nothing_is_kept(root: Path) -> None:
    recommender = evaluated(root)
    before = digests(root)
    found = drill(recommender, root / "state", "same_item", None, NOW).incident
    assert found is not None
    assert (found.severity, found.detector, found.slice) == (Severity.PAGE, "same_item", {})
    assert found.culprit == {"item": ITEM}
    assert found.labels == {"team": "discovery", "drill": "true"}
    assert found.summary.startswith(f"DRILL, nothing is wrong: shop: item {ITEM} is ")
    assert found.id.startswith(f"drill-{NOW:%Y%m%dT%H%M%SZ}-same-item-")
    assert (found.onset_at, found.opened_at, found.open) == (NOW, NOW, True)
    assert digests(root) == before


def test_a_drill_of_a_part_of_the_traffic(root: Path) -> None:
    found = drill(evaluated(root), root / "state", "same_item", "surface=home", NOW).incident
    assert found is not None
    assert found.slice == {"surface": "home"}


def test_trouble_that_goes_on_does_not_swallow_a_drill(root: Path) -> None:
    write_hours(root / "log", range(LAST - 1, LAST + 1), stuck=range(LAST - 1, LAST + 1))
    recommender = evaluated(root)
    with Store.open(root / "state", read_only=True) as store:
        assert [i.culprit for i in store.incidents(open_only=True, include_silent=True)] == [
            {"item": "item-7"}
        ]
    found = drill(recommender, root / "state", "same_item", None, NOW).incident
    assert found is not None
    assert found.culprit == {"item": ITEM}


def test_a_drill_says_when_nobody_would_be_told(root: Path) -> None:
    observed = drill(evaluated(root, mode=Mode.OBSERVE), root / "state", "same_item", None, NOW)
    assert (observed.incident, observed.why) == (None, "It only observes (`mode: observe`).")
    popular = shop(root / "log", slices=["surface"], kind="popular")
    found = drill(popular, root / "state", "same_item", None, NOW)
    assert found.incident is None
    assert found.why.startswith("No page: ")


def test_a_ticket_is_said_to_be_no_page(root: Path) -> None:
    found = drill(evaluated(root, mode=Mode.TICKET), root / "state", "same_item", None, NOW)
    assert found.incident is not None
    assert found.incident.severity is Severity.TICKET
    assert found.why.startswith("No page, although ")


def test_expected_sameness_is_no_hiding_place_for_a_drill(root: Path) -> None:
    pinned = ExpectedSameness.model_validate({"positions": [{"position": 1}]})
    found = drill(evaluated(root, expected=pinned), root / "state", "same_item", None, NOW).incident
    assert found is not None
    assert found.culprit == {"item": ITEM}


def test_mistakes_of_whoever_asks(root: Path) -> None:
    recommender = evaluated(root)
    found = drill(recommender, root / "state", "same_item", "surface=emial", NOW)
    assert found.mistake == (
        '--slice "surface=emial": there was no such slice in the last window; did you mean "surface=email"?'
    )
    other = recommender.model_copy(update={"name": "cart"})
    assert drill(other, root / "state", "same_item", None, NOW).mistake == (
        "cart: no window was evaluated lately; there is nothing to break a copy of"
    )


@pytest.mark.parametrize(
    ("name", "watched", "why"),
    [
        (None, ["home", "cart"], '--recommender: say which one; use one of "home", "cart"'),
        ("hoem", ["home", "cart"], '--recommender "hoem": nobody watches it; did you mean "home"?'),
        (None, [], "nothing is watched"),
    ],
)
def test_which_recommender(name: str | None, watched: list[str], why: str) -> None:
    with pytest.raises(UserError) as told:
        chosen(name, watched)
    assert str(told.value) == why


def test_without_a_daemon_there_is_no_drill(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store, pytest.raises(UserError) as told:
        perform(store, Drill(None, "same_item", None, 900), "ann@ops", NOON)
    assert str(told.value) == (
        f"a drill goes through the daemon, and none runs on {tmp_path}: start `recwatch run`"
    )


def test_what_whoever_asked_is_told() -> None:
    lines = lines_of(incident(id="drill-1"), "", NOON)
    assert lines[0] == "told as a page until 2026-03-14 12:00:00 UTC: drill-1"
    assert lines[-1].startswith('The alert has the label drill="true"')
    assert lines_of(incident(id="drill-1"), "No page, because.", NOON)[2] == "No page, because."


# What goes on beside the store


@pytest.fixture
def beside() -> Iterator[tuple[Drills, WithDrills]]:
    drills = Drills()
    with Store.in_memory() as store:
        store.record(evaluation(open_incidents=(incident(),)))
        yield drills, WithDrills(store, drills)


def test_drills_are_shown_beside_what_the_store_has(beside: tuple[Drills, WithDrills]) -> None:
    drills, records = beside
    drills.begin(incident(id="drill-1", opened_at=NOON), NOON + HOUR)
    assert [i.id for i in records.incidents("home")] == ["drill-1", "home-same_item-3f9c1a"]
    assert [i.id for i in records.incidents("cart")] == []
    assert records.incident("drill-1") is not None
    assert records.incident("home-same_item-3f9c1a") is not None


def test_a_drill_ends_by_itself_and_is_forgotten_a_day_later(beside: tuple[Drills, WithDrills]) -> None:
    drills, records = beside
    drills.begin(incident(id="drill-1"), NOON + HOUR)
    assert drills.end_due(NOON + HOUR - timedelta(microseconds=1)) == []
    [over] = drills.end_due(NOON + HOUR)
    assert (over.id, over.resolved_at, over.resolution) == ("drill-1", NOON + HOUR, Resolution.RECOVERED)
    assert [i.id for i in records.incidents(open_only=True)] == ["home-same_item-3f9c1a"]
    assert [i.id for i in records.incidents(since=NOON)][:1] == ["drill-1"]
    assert [i.id for i in records.incidents(since=NOON + 2 * HOUR)] == ["home-same_item-3f9c1a"]
    assert drills.end_due(NOON + 2 * HOUR) == []
    assert drills.end("drill-1", NOON) is None
    drills.end_due(NOON + 25 * HOUR)
    assert records.incident("drill-1") is None


def test_a_window_that_is_gone_says_so(root: Path) -> None:
    recommender = evaluated(root)
    last = root / "log" / hour(LAST).start.strftime("date=%Y-%m-%d/hour=%H")
    for file in last.iterdir():
        file.unlink()
    found = drill(recommender, root / "state", "same_item", None, NOW)
    assert found.incident is None
    assert found.why.startswith("No page: nothing was judged (no_data: no rows")
