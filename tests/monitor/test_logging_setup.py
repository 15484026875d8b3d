"""The daemon's log: one line a message whatever is in it, no flood, no user ids."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import LogError
from monitor.logging_setup import LogCounts, RepeatLimit, logger, setup


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """What `setup` changes is the process's: put it back."""
    root = logging.getLogger()
    handlers, level, raising = root.handlers[:], root.level, logging.raiseExceptions
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.raiseExceptions = raising
    logging.captureWarnings(False)
    structlog.reset_defaults()


def written(form: str, level: str = "info", **values: object) -> str:
    stream = io.StringIO()
    setup("json" if form == "json" else "logfmt", level, stream, limit=RepeatLimit(0))
    logger("test").warning("something happened", **values)
    return stream.getvalue()


HOSTILE = st.text(st.characters(), max_size=600) | st.sampled_from(
    [
        '"\nlevel=error msg="all is lost',
        "\x1b[31mred\x1b[0m",
        "\r\n",
        "\ud800",
        "\u202eabc",
        "\u2028",
        "\x00",
        "a=b c\\",
    ]
)


@given(HOSTILE)
def test_a_value_cannot_break_the_line(value: str) -> None:
    line = written("logfmt", item=value)
    assert line.endswith("\n")
    assert line[:-1].isprintable()
    assert len(line) < 6000
    line.encode()


@given(HOSTILE)
def test_json_can_be_read_back(value: str) -> None:
    line = written("json", item=value)
    assert line.count("\n") == 1
    message = json.loads(line)
    assert list(message)[:4] == ["time", "level", "msg", "component"]
    assert (message["level"], message["msg"], message["component"]) == (
        "warning",
        "something happened",
        "test",
    )


def test_logfmt_in_its_order() -> None:
    line = written("logfmt", recommender="shop", rows=3, good=True, why=None)
    time, rest = line.split(" ", 1)
    assert time.startswith("time=20")
    assert time.endswith("Z")
    assert (
        rest
        == 'level=warning msg="something happened" component=test recommender=shop rows=3 good=true why=\n'
    )


def test_levels_are_counted_and_what_is_below_is_left_out() -> None:
    stream = io.StringIO()
    counts = setup("logfmt", "warning", stream, limit=RepeatLimit(0))
    log = logger("test")
    for level in ("debug", "info", "warning", "warning", "error"):
        getattr(log, level)("hello")
    assert stream.getvalue().count("\n") == 3
    assert counts.by_level == {"debug": 0, "info": 0, "warning": 2, "error": 1}


class Time:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_repeats_are_held_back_and_counted() -> None:
    stream, time = io.StringIO(), Time()
    counts: LogCounts = setup("json", "info", stream, limit=RepeatLimit(10, time))
    log = logger("test")
    for second in range(25):
        time.now = 100.0 + second
        log.error("broken", recommender="shop", reason=second)
    log.error("broken", recommender="other")
    messages = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(m["recommender"], m.get("repeated")) for m in messages] == [
        ("shop", None),
        ("shop", 9),
        ("shop", 9),
        ("other", None),
    ]
    assert counts.by_level["error"] == 26


def test_exceptions_are_told_without_their_text_unless_it_is_ours() -> None:
    stream = io.StringIO()
    setup("logfmt", "info", stream, limit=RepeatLimit(0))
    try:
        raise KeyError("user-17")
    except KeyError as error:
        logger("test").error("failed", reason=error, exc_info=True)
        logging.getLogger("library").exception("failed too")
    logger("test").error("log", reason=LogError("/logs/shop does not exist"))
    text = stream.getvalue()
    assert "user-17" not in text
    assert text.count("KeyError at test_logging_setup.py:") == 3
    assert 'reason="/logs/shop does not exist"' in text


def test_libraries_are_heard_through_the_same_log() -> None:
    stream = io.StringIO()
    counts = setup("json", "info", stream, limit=RepeatLimit(0))
    logging.getLogger("some.library").warning("disk %s", "full\nlevel=error")
    logging.getLogger("apscheduler.scheduler").info("chatter")
    logging.getLogger("uvicorn.access").info("chatter")
    logging.getLogger("other").critical("very bad")
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (first["component"], first["msg"], first["level"]) == (
        "some.library",
        "disk full\\nlevel=error",
        "warning",
    )
    assert second["level"] == "error"
    assert counts.by_level["error"] == 1


def test_without_a_setup_warnings_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    structlog.reset_defaults()
    log = logger("test")
    log.info("chatter")
    log.warning("careful")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith("level=warning msg=careful component=test\n")
