"""People are told of an incident once, whatever is recorded, in whatever order, however often."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from store_examples import HOUR, evaluation, incident, window

from detectors.core.verdict import Severity
from monitor.evaluation import Evaluation
from monitor.incidents.incident import Incident, Resolution
from monitor.store import Store, Told


def whats(store: Store) -> list[tuple[str, str]]:
    return [(told.incident_id, told.what) for told in store.told()]


def test_opening_and_end_are_told_once() -> None:
    opened, closed = incident(opened=1), incident(opened=1, closed=3)
    with Store.in_memory() as store:
        for k, state in enumerate([(), (opened,), (opened,), (closed,), ()]):
            store.record(evaluation(k, open_incidents=state))
            store.record(evaluation(k, open_incidents=state))
        assert store.told() == [
            Told("a1", "shop", "opened", evaluation(1).evaluated_at, Severity.PAGE),
            Told("a1", "shop", "resolved", evaluation(3).evaluated_at, Severity.PAGE),
        ]
        assert store.told(since=evaluation(1).evaluated_at + HOUR) == store.told()[1:]
        assert store.incidents() == [closed]


def test_what_replay_found_is_told_to_nobody() -> None:
    with Store.in_memory() as store:
        store.record(evaluation(0, open_incidents=(incident(silent=True),)))
        store.record(evaluation(1, open_incidents=(incident(closed=1, silent=True),)))
        assert store.told() == []
        assert store.incidents() == []
        assert store.incidents(include_silent=True) == [incident(closed=1, silent=True)]
        assert store.incident("a1") == incident(closed=1, silent=True)


def test_what_is_still_broken_after_replay_is_told_then() -> None:
    with Store.in_memory() as store:
        store.record(evaluation(0, open_incidents=(incident(silent=True),)))
        for k in (1, 2):
            store.record(evaluation(k, open_incidents=(incident(),)))
        assert [(t.what, t.at) for t in store.told()] == [("opened", evaluation(1).evaluated_at)]


def test_an_end_without_a_beginning_is_not_told() -> None:
    with Store.in_memory() as store:
        store.record(evaluation(1, open_incidents=(incident(closed=1),)))
        assert store.told() == []


def test_incidents_are_found_by_state_time_and_recommender() -> None:
    a = incident("a", opened=0, closed=2)
    b = incident("b", opened=1)
    c = incident("c", opened=1, recommender="other")
    with Store.in_memory() as store:
        store.record(evaluation(1, open_incidents=(replace(a, resolved_at=None), b)))
        store.record(evaluation(2, open_incidents=(a, b)))
        store.record(evaluation(2, "other", open_incidents=(c,)))
        assert a.resolved_at
        assert store.incidents() == [b, c, a]
        assert store.incidents("shop") == [b, a]
        assert store.incidents(open_only=True) == [b, c]
        assert store.incidents(since=a.resolved_at) == [b, c, a]
        assert store.incidents(since=a.resolved_at + HOUR) == [b, c]
        assert store.incident("nobody's") is None


def test_an_older_window_does_not_undo_a_newer_one() -> None:
    with Store.in_memory() as store:
        store.record(evaluation(0, open_incidents=(incident(),)))
        store.record(evaluation(1, open_incidents=(incident(closed=1),)))
        store.record(evaluation(0, open_incidents=(incident(),)))
        assert store.incidents() == [incident(closed=1)]


def refold(store: Store, first: int, states: list[tuple[Incident, ...]], at: datetime) -> None:
    store.replace_after(
        "shop",
        [
            evaluation(first + i, open_incidents=state, evaluated_at=at, attempt=1)
            for i, state in enumerate(states)
        ],
    )


def test_a_refold_retracts_what_was_told_and_never_was() -> None:
    at = window(9).end
    with Store.in_memory() as store:
        for k, state in enumerate([(), (incident(opened=1),), (incident(opened=1),)]):
            store.record(evaluation(k, open_incidents=state))
        for _ in range(2):
            refold(store, 1, [(), ()], at)
            assert whats(store) == [("a1", "opened"), ("a1", "retracted")]
            assert store.told()[-1].at == at
            over = replace(incident(opened=1, resolved_at=at), resolution=Resolution.RETRACTED)
            assert store.incidents() == [over]
        assert [e.open_incidents for e in store.evaluations("shop")] == [(), (), ()]


def test_a_refold_removes_what_nobody_was_told() -> None:
    silent = incident(opened=1, silent=True)
    with Store.in_memory() as store:
        for k, state in enumerate([(), (silent,)]):
            store.record(evaluation(k, open_incidents=state))
        refold(store, 1, [()], window(9).end)
        assert store.incident("a1") is None
        assert store.told() == []


def test_a_refold_keeps_the_resolution_of_what_it_retracts() -> None:
    with Store.in_memory() as store:
        for k, state in enumerate([(incident(),), (incident(closed=1),), ()]):
            store.record(evaluation(k, open_incidents=state))
        refold(store, 0, [(), (), ()], window(9).end)
        assert whats(store) == [("a1", "opened"), ("a1", "resolved"), ("a1", "retracted")]
        assert store.incidents() == [incident(closed=1)]


def test_a_refold_tells_what_it_finds_first() -> None:
    b = incident("b2", opened=1)
    at = window(9).end
    with Store.in_memory() as store:
        for k in range(3):
            store.record(evaluation(k))
        refold(store, 1, [(b,), (incident("b2", opened=1, closed=2),)], at)
        assert [(t.what, t.at) for t in store.told()] == [("opened", at), ("resolved", at)]


def test_a_refold_may_end_an_incident_earlier_or_leave_it_open() -> None:
    a = incident()
    with Store.in_memory() as store:
        for k, state in enumerate([(a,), (a,), (a,), (incident(closed=3),)]):
            store.record(evaluation(k, open_incidents=state))
        refold(store, 1, [(a,), (incident(closed=2),), ()], window(9).end)
        assert store.incidents() == [incident(closed=2)]
        refold(store, 1, [(a,), (a,), (a,)], window(9).end)
        assert store.incidents() == [a]
        assert whats(store) == [("a1", "opened"), ("a1", "resolved")]


def test_a_refold_leaves_incidents_before_and_after_it_alone() -> None:
    before, after = incident("b", opened=0, closed=1), incident("c", opened=4)
    with Store.in_memory() as store:
        states = [(replace(before, resolved_at=None),), (before,), (), (), (after,)]
        for k, state in enumerate(states):
            store.record(evaluation(k, open_incidents=state))
        refold(store, 2, [(), ()], window(9).end)
        assert store.incidents() == [after, before]
        assert whats(store) == [("b", "opened"), ("b", "resolved"), ("c", "opened")]


@pytest.mark.parametrize("window_of_shop", [0, 1])
def test_other_recommenders_are_not_touched(window_of_shop: int) -> None:
    other = incident("o", recommender="other")
    with Store.in_memory() as store:
        store.record(evaluation(0, "other", open_incidents=(other,)))
        store.record(evaluation(window_of_shop))
        assert store.incidents() == [other]


IDS, WINDOWS = ["a", "b", "c"], 5
states = st.dictionaries(st.sampled_from(IDS), st.tuples(st.booleans(), st.booleans()), max_size=3)


class Telling(RuleBasedStateMachine):
    """Any sequence of records and refolds, sensible or not."""

    def __init__(self) -> None:
        super().__init__()
        self.store = Store.in_memory()
        self.told: list[Told] = []
        self.step = 0

    def _evaluation(self, k: int, state: dict[str, tuple[bool, bool]]) -> Evaluation:
        found = tuple(
            incident(id, opened=0, closed=k if closed else None, silent=silent)
            for id, (closed, silent) in state.items()
        )
        return evaluation(k, open_incidents=found, evaluated_at=window(10 + self.step).end)

    @rule(k=st.integers(0, WINDOWS - 1), state=states)
    def record(self, k: int, state: dict[str, tuple[bool, bool]]) -> None:
        self.step += 1
        self.store.record(self._evaluation(k, state))

    @rule(k=st.integers(0, WINDOWS - 1), folded=st.lists(states, min_size=1, max_size=WINDOWS))
    def refold(self, k: int, folded: list[dict[str, tuple[bool, bool]]]) -> None:
        self.step += 1
        rewritten = [self._evaluation(k + i, s) for i, s in enumerate(folded[: WINDOWS - k])]
        self.store.replace_after("shop", rewritten)

    @precondition(lambda self: self.told)
    @rule()
    def record_the_latest_again(self) -> None:
        latest = self.store.latest("shop")
        assert latest
        self.store.record(latest)

    @invariant()
    def nothing_is_told_twice_and_nothing_told_is_taken_back(self) -> None:
        told = self.store.told()
        assert told[: len(self.told)] == self.told
        self.told = told
        keys = [(t.incident_id, t.what) for t in told]
        assert len(keys) == len(set(keys))
        for place, (id, what) in enumerate(keys):
            assert what == "opened" or (id, "opened") in keys[:place]

    @invariant()
    def what_was_told_agrees_with_the_incidents(self) -> None:
        told = {(t.incident_id, t.what) for t in self.store.told()}
        found = {i.id: i for i in self.store.incidents(include_silent=True)}
        assert {id for id, what in told if what == "opened"} <= found.keys()
        for id, now in found.items():
            if now.open and not now.silent:
                assert (id, "opened") in told
            if not now.open and (id, "opened") in told:
                assert {(id, "resolved"), (id, "retracted")} & told

    @invariant()
    def every_open_incident_of_the_latest_window_is_open(self) -> None:
        latest = self.store.latest("shop")
        named = {i.id: i for i in latest.open_incidents} if latest else {}
        for id, state in named.items():
            assert self.store.incident(id) == state

    def teardown(self) -> None:
        self.store.close()


Telling.TestCase.settings = settings(derandomize=True, deadline=None, max_examples=30, stateful_step_count=20)
TestTelling = Telling.TestCase
