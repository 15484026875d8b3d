"""`recwatch once` on the hour of the bench, and a process that only decodes it."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.bench.figures import CouldNotMeasure
from tests.bench.process import Run, last_line, run

RECWATCH = Path(sys.executable).with_name("recwatch")
NOW = "2026-03-02T01:15:00Z"  # the hour has ended and settled


def decode(log: Path, work: Path) -> Run:
    return checked(run([sys.executable, "-m", "tests.bench.decode", str(log)], work), "decode")


def once(config: Path, work: Path, state: Path | None = None) -> Run:
    """With a fresh store, or the one in `state`."""
    storage = str(state or tempfile.mkdtemp(dir=work))
    return checked(
        run([str(RECWATCH), "once", str(config), "--now", NOW, "--storage.path", storage], work), "once"
    )


def checked(done: Run, command: str) -> Run:
    """The same.

    Raises
    ------
    CouldNotMeasure
        When the process ended with an error; says what it printed.
    """
    if done.exit_code:
        raise CouldNotMeasure(f"{command} ended with {done.exit_code}: {last_line(done.output)}")
    return done
