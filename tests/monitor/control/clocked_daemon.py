"""A whole daemon on a log, whose clock a file holds: python clocked_daemon.py CONFIG STATE CLOCK [WEB_CONFIG]"""

from __future__ import annotations

import sys
import threading
from datetime import datetime, timedelta
from pathlib import Path

from monitor.daemon.daemon import Options, run_daemon
from monitor.daemon.wake import Signals
from monitor.logging_setup import setup


class FileClock:
    """The moment that a file says; a hundred times as fast as it looks."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def now(self) -> datetime:
        return datetime.fromisoformat(self._path.read_text())

    def real(self, duration: timedelta) -> float:
        return duration.total_seconds() / 100

    def wait(self, event: threading.Event, duration: timedelta) -> bool:
        return event.wait(self.real(duration))


def main() -> None:
    signals = Signals()
    signals.install()
    config, state, clock, *users = (Path(argument) for argument in sys.argv[1:])
    web_config = users[0] if users else None
    options = Options(config, state, "127.0.0.1:0", web_config=web_config, clock=FileClock(clock))
    run_daemon(options, signals, setup("json").by_level, lambda line: print(line, flush=True))
    print(f"heavy modules in the parent: {sorted({'pyarrow', 'scipy'} & set(sys.modules))}", flush=True)


if __name__ == "__main__":
    main()
