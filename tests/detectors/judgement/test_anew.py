"""A change that is meant: only what was from then on counts, for the series concerned and no other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from test_past_resumed import assert_same, history, remembered, step_of
from watched_series import DAY, FLOOR, HOUR, MONDAY, UP, Watch, a_measure, a_share, verdicts

from detectors.core.measurement import Unit
from detectors.core.verdict import Verdict
from detectors.judgement.anew import Anew
from detectors.judgement.judge import Judge
from detectors.judgement.judged import Judged
from tests.detectors.remembering import remember

OK, BREACH, TOO_FEW = Verdict.OK, Verdict.BREACH, Verdict.TOO_FEW
BEFORE_ANYTHING = MONDAY - DAY
LOW, HIGH = a_share(30, 1000), a_share(400, 1000)


def everything(measure: str, slice: str) -> bool:
    return True


def change(
    start: int,
    end: int | None = None,
    judged: int = BEFORE_ANYTHING,
    covers: Callable[[str, str], bool] = everything,
) -> Anew:
    return Anew(covers, start, end, judged)


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32), at=st.floats(0.2, 0.8))
def test_from_then_on_it_is_judged_as_if_there_had_been_nothing_before(seed: int, at: float) -> None:
    found = history(seed, 12 * 24, HOUR)
    first = int(at * len(found))
    judge, young = Judge(), Judge()
    judge.past.forget(change(found[first].at))
    for f in found[:first]:
        step_of(judge, f)
    for f in found[first:]:
        named, alone = step_of(judge, f), step_of(young, f)
        here = {name: [s for s in j.slices if s in f.slices] for name, j in alone}
        assert_same(only(named, here), only(alone, here))


def only(
    named: Sequence[tuple[str, Judged]], slices: Mapping[str, Sequence[str]]
) -> list[tuple[str, Judged]]:
    """The slices that are there: which ones were ever seen is not forgotten."""
    out = []
    for name, j in named:
        keep = [i for i, s in enumerate(j.slices) if s in slices[name]]
        arrays = {f.name: getattr(j, f.name)[keep] for f in fields(j) if f.name not in ("measure", "slices")}
        out.append((name, replace(j, slices=tuple(j.slices[i] for i in keep), **arrays)))
    return out


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32), at=st.floats(0.2, 0.8))
def test_series_that_are_not_concerned_are_judged_as_ever(seed: int, at: float) -> None:
    found = history(seed, 10 * 24, HOUR)
    one, other = Judge(), Judge()
    one.past.forget(change(found[int(at * len(found))].at, covers=lambda m, s: m == "b.score"))
    for f in found:
        named, as_ever = step_of(one, f), step_of(other, f)
        assert_same([n for n in named if n[0] != "b.score"], [n for n in as_ever if n[0] != "b.score"])


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32), at=st.floats(0.3, 0.7), read_back=st.booleans())
def test_known_later_or_read_back_it_is_the_same(seed: int, at: float, read_back: bool) -> None:
    """Windows that were judged before it was known stay as they were judged, and count as they were found."""
    found = history(seed, 10 * 24, HOUR)
    known = int(at * len(found))
    meant = change(found[max(0, known - 30)].at, judged=found[known - 1].at)
    live, from_start = Judge(), Judge()
    from_start.past.forget(meant)
    told = []
    for f in found[:known]:
        told.append(step_of(live, f))
        assert_same(step_of(from_start, f), told[-1])
    if read_back:
        live = Judge()
        for f, named in zip(found, told, strict=False):
            remember(live, f.at, remembered(named))
    live.past.forget(meant)
    for f in found[known:]:
        assert_same(step_of(live, f), step_of(from_start, f))


def test_a_new_level_that_is_meant_becomes_the_usual_one() -> None:
    """Without it the level would be trouble for ever; with it two days are enough, of those seen as trouble too."""
    stuck, meant = Watch(a_measure(Unit.RATIO, UP)), Watch(a_measure(Unit.RATIO, UP))
    for watch in (stuck, meant):
        watch.see_all([LOW] * 5 * 24)
        assert set(verdicts(watch.see_all([HIGH] * 48))) == {BREACH}
    assert set(verdicts(stuck.see_all([HIGH] * 48))) == {BREACH}
    meant.judge.past.forget(change(MONDAY + 5 * DAY, judged=meant.at - HOUR))
    told = meant.see_all([HIGH] * 48)
    assert set(verdicts(told)) == {OK}
    assert np.allclose([j.expected[0] for j in told], 0.4)
    assert verdicts([meant.see(a_share(800, 1000))]) == [BREACH]


def test_what_was_meant_for_a_while_is_neither_trouble_nor_a_memory() -> None:
    watch = Watch(a_measure(Unit.RATIO, UP))
    watch.judge.past.forget(change(MONDAY + 5 * DAY, MONDAY + 8 * DAY))
    watch.see_all([LOW] * 5 * 24)
    inside = verdicts(watch.see_all([HIGH] * 72))
    assert set(inside) == {OK, TOO_FEW}
    assert set(inside[48:]) == {OK}
    after = watch.see_all([LOW] * 24)
    assert set(verdicts(after)) == {OK}
    assert np.allclose([j.expected[0] for j in after], 0.03)
    assert verdicts([watch.see(HIGH)]) == [BREACH]


def test_before_it_begins_nothing_changes() -> None:
    watch = Watch(a_measure(Unit.RATIO, UP))
    watch.judge.past.forget(change(MONDAY + 6 * DAY))
    watch.see_all([LOW] * 5 * 24)
    assert verdicts([watch.see(HIGH)]) == [BREACH]


def test_floors_hold_whatever_is_meant() -> None:
    watch = Watch(a_measure(Unit.RATIO, FLOOR, UP))
    watch.judge.past.forget(change(MONDAY + DAY))
    watch.see_all([LOW] * 24)
    assert verdicts(watch.see_all([HIGH] * 3)) == [BREACH] * 3
