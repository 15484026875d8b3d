"""One log judged by recwatch, and by one peer: what a process of its own is given to do."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path

from tests.incident_bench.peers.page import RECWATCH, Told
from tests.incident_bench.scorer import score
from tests.incident_bench.story import Story, judge

ROOT = Path(__file__).parents[3]
ADAPTERS = Path(__file__).with_name("adapters")
REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def judge_recwatch(log: str, simulated: Path, work: Path) -> Told:
    """What recwatch makes of a log."""
    try:
        story = judge(log, simulated, work / "judged" / log)
    except Exception as error:  # a bench that has run for an hour tells the rest, too
        return Told(RECWATCH, log, failed=f"{type(error).__name__}: {error}")
    return Told(RECWATCH, log, story)


def judge_peer(name: str, log: str, simulated: Path, python: Path, cache: Path) -> Told:
    """What a peer makes of a log; it is asked only once, since it does not change when recwatch does."""
    labels = json.loads((simulated / "labels.json").read_text(encoding="utf-8"))
    out = cache / f"{log}-{name}-{_digest(name, simulated)}.json"
    if not out.exists():
        half_written = out.with_suffix(".tmp")
        module = "tests.incident_bench.peers.adapters"
        command = [str(python), "-m", module, name, str(simulated), str(half_written)]
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, env=_environment()
        )
        if done.returncode:
            last = next(
                (line for line in reversed(done.stderr.splitlines()) if line.strip()), "nothing printed"
            )
            return Told(name, log, failed=f"ended with {done.returncode}: {last[:300]}")
        half_written.rename(out)
    said = json.loads(out.read_text(encoding="utf-8"))
    story = Story(log, score(labels, said["reports"]), labels["requests_per_hour"], 0, said["seconds"])
    return Told(name, log, story, tests=said["tests"], hours=said["hours"])


def _digest(name: str, simulated: Path) -> str:
    """What a peer's reports depend on: the log, which its labels stand for, the adapter, the versions."""
    adapters = [
        ADAPTERS / f"{name}.py",
        *sorted(ADAPTERS.glob("evidently_common.py")),
        ADAPTERS / "reading.py",
    ]
    paths = [simulated / "labels.json", REQUIREMENTS, ADAPTERS.parent / "alarms.py", *adapters]
    told = hashlib.sha256(b"".join(path.read_bytes() for path in paths if path.exists()))
    return told.hexdigest()[:12]


def _environment() -> dict[str, str]:
    """One thread each, so that the times mean something."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
