"""Runs simulated logs past recwatch and past what people would use otherwise, and says what each of them found.

python -m tests.incident_bench.peers --scenarios incidents --seeds 1 --requests-per-hour 300
python -m tests.incident_bench.peers --simulated FOLDER ... --write docs/peers-bench.md

The peers are installed into `.bench/peers-venv`, in the versions of `requirements.txt`, when they are not there.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from monitor.errors import UserError
from monitor.simulator.scenarios import scenario_named
from tests.incident_bench.__main__ import command_of, parser, tasks_of
from tests.incident_bench.peers.page import NAMES, RECWATCH, Told, page
from tests.incident_bench.scorer import score
from tests.incident_bench.story import Story, Task, judge, simulate

ROOT = Path(__file__).parents[3]
ADAPTERS = Path(__file__).with_name("adapters")
REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0, 1 when recwatch or a peer failed, 2 for a wrong command line."""
    options = _parser().parse_args(arguments)
    try:
        tasks = list(tasks_of(options))
        python = installed(options.environment)
    except (UserError, InstallFailed) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    options.cache.mkdir(parents=True, exist_ok=True)
    told: list[Told] = []
    with tempfile.TemporaryDirectory(prefix="recwatch-peers-") as work:
        for task in tasks:
            simulated = _simulated(task, options.keep or Path(work))
            for one in _all_of(task.name, simulated, python, Path(work), options):
                print(one.line(), flush=True)
                told.append(one)
    command = command_of(options).replace("incident_bench", "incident_bench.peers")
    if set(options.peers) != set(NAMES):
        command += f" --peers {' '.join(options.peers)}"
    text = page(told, command, _versions(python))
    print(f"\n{text}")
    if options.write:
        options.write.write_text(text, encoding="utf-8")
    return 1 if any(one.failed for one in told) else 0


class InstallFailed(Exception):
    """The environment of the peers could not be made; says what pip said."""


def installed(environment: Path) -> Path:
    """The Python of the peers, with what `requirements.txt` asks for.

    Raises
    ------
    InstallFailed
    """
    python, done = environment / "bin" / "python", environment / "installed.txt"
    wanted = REQUIREMENTS.read_text(encoding="utf-8")
    if done.exists() and done.read_text(encoding="utf-8") == wanted:
        return python
    print(f"installing the peers into {environment} ...", flush=True)
    venv.create(environment, with_pip=True, symlinks=True, clear=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    made = subprocess.run(
        [*pip, "--requirement", str(REQUIREMENTS)], capture_output=True, text=True, check=False
    )
    if made.returncode:
        raise InstallFailed(f"the peers cannot be installed: {made.stderr.strip()[-500:]}")
    done.write_text(wanted, encoding="utf-8")
    return python


def _simulated(task: Task, work: Path) -> Path:
    """The folder of a task's log; it is written when it is not there."""
    if task.simulated is not None:
        return task.simulated
    folder = work / task.name
    if not (folder / "labels.json").exists():
        simulate(scenario_named(task.scenario, task.seed), task.seed, task.requests_per_hour, folder)
    return folder


def _all_of(
    log: str, simulated: Path, python: Path, work: Path, options: argparse.Namespace
) -> Iterator[Told]:
    """recwatch and every peer on one log, several at a time."""
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        waiting = [pool.submit(_recwatch, log, simulated, work)]
        waiting += [
            pool.submit(judge_peer, name, log, simulated, python, options.cache) for name in options.peers
        ]
        yield from (one.result() for one in waiting)


def _recwatch(log: str, simulated: Path, work: Path) -> Told:
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


def _versions(python: Path) -> str:
    done = subprocess.run(
        [str(python), "-m", "pip", "freeze", "--disable-pip-version-check"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    wanted = [line.split("==")[0].strip() for line in REQUIREMENTS.read_text().splitlines() if "==" in line]
    return ", ".join(
        line.replace("==", " ") for line in done.stdout.splitlines() if line.split("==")[0] in wanted
    )


def _parser() -> argparse.ArgumentParser:
    out = parser()
    out.prog, out.description = "python -m tests.incident_bench.peers", __doc__
    out.set_defaults(scenarios=["incidents", "quiet"], seeds=[1], requests_per_hour=[300.0])
    out.add_argument("--peers", nargs="*", default=list(NAMES), choices=list(NAMES))
    out.add_argument(
        "--cache", type=Path, default=ROOT / ".bench", metavar="FOLDER", help="of peers' reports"
    )
    out.add_argument("--environment", type=Path, default=ROOT / ".bench" / "peers-venv", metavar="FOLDER")
    return out


if __name__ == "__main__":
    sys.exit(main())
