"""python -m tests.incident_bench.peers.adapters NAME SIMULATED OUT: one peer on one log; OUT gets its reports."""

from __future__ import annotations

import importlib
import json
import sys
import time
import warnings
from pathlib import Path

from tests.incident_bench.peers.adapters.reading import read
from tests.incident_bench.peers.alarms import reports


def main(name: str, simulated: Path, out: Path) -> None:
    warnings.filterwarnings("ignore")
    peer = importlib.import_module(f"tests.incident_bench.peers.adapters.{name}")
    log = read(simulated)
    begin = time.process_time()
    alarms = list(peer.alarms(log, simulated / "catalog.parquet"))
    told = {
        "reports": reports(alarms),
        "alarms": len(alarms),
        "hours": sum(1 for _ in log.judged()),
        "tests": {test: sum(a.test == test for a in alarms) for test in sorted({a.test for a in alarms})},
        "seconds": time.process_time() - begin,
    }
    out.write_text(json.dumps(told, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
