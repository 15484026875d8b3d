"""A whole daemon process with a fake cycle: python fake_daemon.py CONFIG STATE CLOCK"""

from __future__ import annotations

import sys
from pathlib import Path

from fake_cycles import FileClock

from monitor.daemon.daemon import Options, run_daemon
from monitor.daemon.service import Seams
from monitor.daemon.wake import Signals
from monitor.errors import RecwatchError, UserError
from monitor.logging_setup import setup


def main() -> int:
    signals = Signals()
    signals.install()
    counts = setup("json")
    config, state, clock = (Path(argument) for argument in sys.argv[1:])
    options = Options(
        config,
        state,
        "127.0.0.1:0",
        seams=Seams("fake_cycles:run_cycle", "fake_cycles:split_values"),
        next_due="fake_cycles:next_due",
        clock=FileClock(clock),
    )
    try:
        run_daemon(options, signals, counts.by_level, lambda line: print(line, flush=True))
    except RecwatchError as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, UserError) else 1
    finally:
        loaded = sorted({"pyarrow", "scipy"} & set(sys.modules))
        print(f"heavy modules in the parent: {loaded}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
