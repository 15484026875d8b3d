"""One call in a worker: what comes of it, and of one that hangs, dies or eats memory, as a module does on import."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.daemon.calling import called
from monitor.daemon.process import WorkerProcess
from monitor.errors import RecwatchError, UserError

MODULE = """
import os
import time
from monitor.errors import UserError

def give(*what):
    return what

def sleep():
    time.sleep(600)

def leave():
    os._exit(3)

def swallow():
    hog = []
    while True:
        hog.append(b"x" * 2**24)

def refuse():
    raise UserError("shop.yaml:3: wrong")

def fail():
    1 / 0
"""


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerProcess]:
    (tmp_path / "errands.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    made = WorkerProcess("errands:give")
    yield made
    made.kill()


def test_an_answer_and_a_worker_that_is_free_for_more(worker: WorkerProcess) -> None:
    assert called(worker, "no answer", "errands:give", 1, "b") == (1, "b")
    assert called(worker, "no answer", "errands:give") == ()


@pytest.mark.parametrize(
    ("function", "kind", "says"),
    [
        ("refuse", UserError, r"shop\.yaml:3: wrong"),
        ("fail", RecwatchError, r"ZeroDivisionError at errands\.py:24 in fail"),
        ("leave", RecwatchError, "no answer: the worker ended by itself with exit code 3"),
        ("sleep", RecwatchError, r"no answer: the worker hangs at errands\.py:10 in sleep"),
        ("swallow", RecwatchError,
         r"no answer: the worker was stopped at more than 500MiB of memory( at errands\.py:\d+ in swallow)?"),
    ],
)  # fmt: skip
def test_what_does_not_answer_says_why(
    worker: WorkerProcess, function: str, kind: type[RecwatchError], says: str
) -> None:
    called(worker, "no answer", "errands:give")  # it has started
    with pytest.raises(RecwatchError) as raised:
        called(worker, "no answer", f"errands:{function}", seconds=20.0 if function != "sleep" else 2.0,
               memory=500 * 2**20)  # fmt: skip
    assert type(raised.value) is kind
    assert re.fullmatch(says, str(raised.value)), str(raised.value)
