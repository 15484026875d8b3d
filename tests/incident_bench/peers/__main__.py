"""Runs simulated logs past recwatch and past what people would use otherwise, and says what each of them found.

python -m tests.incident_bench.peers --scenarios incidents --seeds 1 --requests-per-hour 300
python -m tests.incident_bench.peers --simulated FOLDER ... --write docs/peers-bench.md

The peers are installed into `.bench/peers-venv`, in the versions of `requirements.txt`, when they are not there.
"""

from __future__ import annotations

import argparse
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
from tests.incident_bench.peers.judging import REQUIREMENTS, ROOT, judge_peer, judge_recwatch
from tests.incident_bench.peers.page import NAMES, Told, page
from tests.incident_bench.story import Task, simulate


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
    command = command_of(options).replace("incident_bench", "incident_bench.peers", 1)
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
        waiting = [pool.submit(judge_recwatch, log, simulated, work)]
        waiting += [
            pool.submit(judge_peer, name, log, simulated, python, options.cache) for name in options.peers
        ]
        yield from (one.result() for one in waiting)


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
