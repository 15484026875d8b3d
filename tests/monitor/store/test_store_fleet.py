"""What is recorded of single recommenders makes incidents of the fleet: told once, kept, and pruned as others are."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from store_examples import HOUR, START, evaluation, incident, window

from monitor.incidents.fleet import FLEET
from monitor.incidents.incident import Incident, Resolution
from monitor.incidents.rebaseline import Rebaseline
from monitor.store import Store

NAMES = ("cart", "home", "search")


def of(name: str, closed: int | None = None, opened: int = 0) -> Incident:
    return incident(f"i-{name}", opened, closed, recommender=name)


def break_all(store: Store, names: tuple[str, ...] = NAMES) -> None:
    for name in names:
        store.record(evaluation(0, name, open_incidents=(of(name),)))


def fleet(store: Store) -> list[Incident]:
    return store.incidents(FLEET)


def told(store: Store) -> list[tuple[str, str]]:
    return [(t.recommender, t.what) for t in store.told()]


@given(st.permutations(NAMES), st.data())
def test_the_third_recorded_opens_it_once_and_the_last_that_is_over_ends_it(
    order: list[str], data: st.DataObject
) -> None:
    with Store.in_memory() as store:
        for name in order:
            assert fleet(store) == []
            store.record(evaluation(0, name, open_incidents=(of(name),)))
        [one] = fleet(store)
        break_all(store)  # again is as once
        assert fleet(store) == [one]
        assert store.incident(one.id) == one
        for name in data.draw(st.permutations(NAMES)):
            assert fleet(store)[0].open
            store.record(evaluation(2, name, open_incidents=(of(name, closed=2),)))
        [end] = fleet(store)
        assert (end.id, end.resolved_at) == (one.id, of("cart", closed=2).resolved_at)
        assert [what for who, what in told(store) if who == FLEET] == ["opened", "resolved"]
        assert told(store)[3] == (FLEET, "opened")  # in the transaction of the third


def test_a_restart_changes_nothing(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        break_all(store)
        [one] = fleet(store)
    with Store.open(tmp_path) as store:
        assert fleet(store) == [one]
        for name in NAMES:
            store.record(evaluation(1, name, open_incidents=(of(name),)))
        assert fleet(store) == [one]
        assert told(store).count((FLEET, "opened")) == 1


def test_replayed_history_makes_none_and_what_is_broken_at_its_end_does() -> None:
    silent = {name: replace(of(name), silent=True) for name in NAMES}
    with Store.in_memory() as store:
        for name in NAMES:
            store.record(evaluation(0, name, open_incidents=(silent[name],)))
        assert store.incidents(FLEET, include_silent=True) == []
        for name in NAMES:
            store.record(evaluation(1, name, open_incidents=(of(name),)))
        assert [len(one.parts) for one in fleet(store)] == [3]


def test_parts_that_never_were_end_it_and_a_change_that_is_meant_does() -> None:
    with Store.in_memory() as store:
        break_all(store)
        for name in NAMES:
            store.replace_after(name, [evaluation(0, name)])
        assert [one.resolution for one in fleet(store)] == [Resolution.RETRACTED]
    with Store.in_memory() as store:
        for name in NAMES:
            store.record(evaluation(0, name, open_incidents=(replace(of(name), judged_by="history"),)))
        for name in NAMES:
            said = Rebaseline(0, name, "all", None, START - HOUR, None, "meant", "ann", window(0).end + HOUR)
            store.rebaseline(replace(said, start=START))
        assert [one.resolution for one in fleet(store)] == [Resolution.INTENDED]


def test_it_is_kept_as_long_as_its_parts() -> None:
    with Store.in_memory() as store:
        break_all(store)
        assert len(fleet(store)) == 1
        for name in NAMES:
            store.record(evaluation(100, name, open_incidents=(of(name),)))
        store.prune(window(101).end, timedelta(hours=40))  # it has been open for long
        assert len(fleet(store)) == 1
        for name in NAMES:
            store.record(evaluation(102, name, open_incidents=(of(name, closed=102),)))
        store.prune(window(180).end, timedelta(hours=40))
        assert store.incidents(include_silent=True) == []
