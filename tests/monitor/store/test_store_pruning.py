"""What is older than the retention goes; the state from which to go on, and what was told, stay longer."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from store_examples import HOUR, START, evaluation, incident, window

from monitor.evaluation import ReadReport, Status
from monitor.store import Store

DAY = timedelta(days=1)


def test_windows_go_with_their_summaries() -> None:
    with Store.in_memory() as store:
        for k in range(6):
            status = Status.FAILED if k % 2 else Status.EVALUATED
            store.record(evaluation(k, status=status, summary=b"s"))
        assert store.prune(window(3).start + DAY, DAY) == 2 * 2 + 0
        assert [s.window for s in store.states("shop")] == [window(k) for k in (2, 3, 4, 5)]
        assert list(store.summaries("shop", 10)) == [window(k) for k in (2, 3, 4, 5)]
        assert store.prune(window(3).start + DAY, DAY) == 0


def test_the_newest_window_stays_twice_as_long() -> None:
    with Store.in_memory() as store:
        for k in range(3):
            store.record(evaluation(k))
        store.record(evaluation(0, "retired"))
        assert store.prune(START + 30 * HOUR, DAY) == 2
        assert store.recommenders() == ["retired", "shop"]
        assert store.prune(START + 2 * DAY + HOUR + timedelta(seconds=1), DAY) == 1
        assert store.recommenders() == ["shop"]


def test_resolved_incidents_go_and_open_ones_stay_while_windows_name_them() -> None:
    long, short = incident("long"), incident("short")
    with Store.in_memory() as store:
        store.record(evaluation(0, open_incidents=(long, short)))
        store.record(evaluation(1, open_incidents=(long, incident("short", closed=1))))
        store.record(evaluation(72, open_incidents=(long,)))
        store.prune(window(73).end, DAY)
        assert store.incidents() == [long]
        assert [(t.incident_id, t.what) for t in store.told()] == [("long", "opened")]

        store.prune(window(73).end + 3 * DAY, DAY)  # the recommender is no more
        assert store.incidents() == []
        assert store.told() == []


def test_what_was_told_stays_twice_as_long() -> None:
    with Store.in_memory() as store:
        store.record(evaluation(0, open_incidents=(incident(),)))
        store.record(evaluation(1, open_incidents=(incident(closed=1),)))
        store.prune(window(1).end + 1.5 * DAY, DAY)
        assert store.incidents() == []
        assert [t.what for t in store.told()] == ["opened", "resolved"]
        store.prune(window(1).end + 2.5 * DAY, DAY)
        assert store.told() == []


def test_example_lists_go_sooner_and_do_not_come_back_with_the_next_window() -> None:
    lists = {"value": 0.5, "top_items": [{"item": "a", "share": 0.5}], "lists": [["a", None]]}
    before, after = {**lists, "value": 0.1}, lists
    old = incident("old", opened=0, before=before, after=after)
    young = incident("young", opened=30, before=before, after=after)
    other = incident("other", opened=0, before={"value": 0.1})
    with Store.in_memory() as store:
        store.record(evaluation(0, open_incidents=(old, other)))
        store.record(evaluation(30, open_incidents=(old, young)))
        assert store.forget_lists(window(31).end, DAY) == 1
        assert store.forget_lists(window(31).end, DAY) == 0
        emptied = replace(old, before={**before, "lists": []}, after={**after, "lists": []})
        assert store.incident("old") == emptied
        assert (store.incident("young"), store.incident("other")) == (young, other)
        kept = [e.open_incidents for e in store.evaluations("shop")]
        assert kept == [(emptied, other), (emptied, young)]  # what the next window goes on from
        assert [(t.incident_id, t.what) for t in store.told()] == [
            ("old", "opened"), ("other", "opened"), ("young", "opened"),
        ]  # fmt: skip


def test_counters_of_old_days_go() -> None:
    read = replace(ReadReport(), bytes_read=5)
    with Store.in_memory() as store:
        for day in range(3):
            store.record(evaluation(24 * day, read=read, evaluated_at=START + day * DAY))
        store.prune(START + 2 * DAY, DAY)
        assert [store.bytes_read("shop", (START + day * DAY).date()) for day in range(3)] == [0, 5, 5]
