"""Who is blamed, who rests, and what a dying worker says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from monitor.clock import SystemClock
from monitor.daemon.faults import REST, BackOff, Fault, Kind, Strikes, leave_out_too
from monitor.daemon.messages import LeaveOut, Working
from monitor.daemon.process import Death, innermost, is_whole, last_words
from monitor.evaluation import Evaluation, Status
from monitor.windows import Window

NOW = datetime(2026, 3, 2, tzinfo=UTC)
WINDOW = Window(NOW, NOW + timedelta(hours=1))
NEXT = Window(WINDOW.end, WINDOW.end + timedelta(hours=1))
GOOD = Evaluation("shop", WINDOW, Status.EVALUATED, NOW, NOW)
NOBODY: frozenset[str] = frozenset()


def fault(detector: str = "scores", stage: str = "measure") -> Fault:
    return Fault("shop", Kind.HUNG, Working(WINDOW, stage, detector), "stopped after 10m")


def test_a_fault_in_words() -> None:
    assert str(fault()) == "stopped after 10m, in detector scores"
    assert str(fault("", "read")) == "stopped after 10m, while reading"
    assert str(fault("", "judge")) == "stopped after 10m, while judging"
    assert str(Fault("shop", Kind.REFUSED, None, "no such folder")) == "no such folder"
    assert fault("", "read").detector == ""


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_second_strike_means_rest_and_a_new_try_after_it() -> None:
    time = Time()
    strikes = Strikes(time)
    strikes.blame(fault())
    assert strikes.resting("shop") == NOBODY
    strikes.blame(fault())
    assert strikes.resting("shop") == {"scores"}
    assert strikes.resting("other") == NOBODY
    time.now = REST.total_seconds()
    assert strikes.resting("shop") == NOBODY
    strikes.blame(fault())
    assert strikes.resting("shop") == {"scores"}


def test_a_window_that_went_well_clears_only_who_was_in_it() -> None:
    strikes = Strikes(Time())
    strikes.blame(fault("scores"))
    strikes.clear(GOOD, frozenset({"scores"}))
    strikes.blame(fault("scores"))
    assert strikes.resting("shop") == {"scores"}
    strikes.clear(GOOD, NOBODY)
    strikes.blame(fault("scores"))
    assert strikes.resting("shop") == NOBODY


def test_an_evaluation_says_why_a_detector_was_left_out() -> None:
    strikes = Strikes(Time())
    strikes.blame(fault())
    explained = strikes.explained(GOOD, frozenset({"scores", "lists"}))
    assert explained.failures == {"scores": "stopped after 10m, in detector scores"}
    assert strikes.explained(GOOD, NOBODY) is GOOD


def test_pauses_grow_up_to_an_hour_and_end_with_a_success() -> None:
    time, key = Time(), ("shop", "")
    pauses = BackOff(SystemClock(), time)
    lengths = []
    for _ in range(9):
        pauses.failed(key)
        began = time.now
        while pauses.waits(key):
            time.now += 1
        lengths.append(time.now - began)
    assert lengths == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]
    pauses.passed(key)
    pauses.failed(key)
    time.now += 30
    assert not pauses.waits(key)
    assert not pauses.waits(("other", ""))


def test_leaving_out_adds_up() -> None:
    left = leave_out_too(leave_out_too(LeaveOut(always=frozenset({"a"})), WINDOW, "b"), WINDOW, "c")
    assert left[WINDOW] == {"a", "b", "c"}
    assert left[NEXT] == left.get(NEXT, NOBODY) == {"a"}
    assert list(left) == [WINDOW]


def test_a_death_in_words() -> None:
    assert str(Death(-11)) == "died of SIGSEGV"
    assert (
        str(Death(-11, "segmentation fault at a.py:3 in f"))
        == "died of SIGSEGV (segmentation fault at a.py:3 in f)"
    )
    assert str(Death(-9)) == "was killed by SIGKILL, as a machine out of memory does"
    assert str(Death(0)) == "ended by itself with exit code 0"
    assert [Death(code).from_outside for code in (-15, -2, -1, -9, -11, 0, 1)] == [True] * 3 + [False] * 4


DUMP = """\
Fatal Python error: Aborted

Current thread 0x00007f (most recent call first):
  File "<frozen importlib._bootstrap>", line 241 in _call
  File "/usr/lib/python3.11/threading.py", line 324 in wait
  File "/app/lib/python3.11/site-packages/numpy/core/multiarray.py", line 1 in dot
  File "/app/lib/python3.11/site-packages/their_detectors/price.py", line 77 in measure
  File "/app/lib/python3.11/site-packages/monitor/cycle.py", line 9 in run_cycle
"""


def test_the_place_is_the_innermost_one_that_says_something() -> None:
    assert innermost(DUMP) == "price.py:77 in measure"
    assert innermost(DUMP[: DUMP.index("/app")]) == "<frozen importlib._bootstrap>:241 in _call"
    assert innermost("") == ""
    assert last_words(DUMP) == "aborted at price.py:77 in measure"
    assert last_words("nothing fatal") == ""


HUNG = """\
Thread 0x00007e (most recent call first):
  File "/app/monitor/daemon/worker.py", line 173 in _end_with_parent

Thread 0x00007f (most recent call first):
  File "/app/their_detectors/price.py", line 77 in measure
  File "/app/monitor/daemon/worker.py", line 120 in _serve
  File "<string>", line 1 in <module>
"""


def test_a_dump_is_read_when_the_main_thread_has_said_where_it_is() -> None:
    assert innermost(HUNG) == "price.py:77 in measure"
    whole = [is_whole(HUNG[:n]) for n in range(len(HUNG) + 1)]
    told = [innermost(HUNG[:n]) == "price.py:77 in measure" for n in range(len(HUNG) + 1)]
    assert whole == sorted(whole)
    assert whole[-1]
    assert not any(w and not t for w, t in zip(whole, told, strict=True))
