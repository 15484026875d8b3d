"""Simulates logs with incidents, lets recwatch find them untouched, and says what it found by kind.

python -m tests.incident_bench                               # every scenario, three seeds, two volumes
python -m tests.incident_bench --scenarios wide --seeds 1-20
python -m tests.incident_bench --simulated FOLDER ...        # logs that are there already
python -m tests.incident_bench --write docs/incident-bench.md
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from monitor.errors import UserError
from monitor.simulator.scenarios import DRAWN, NAMES, scenario_named
from tests.incident_bench.page import Run, page
from tests.incident_bench.story import Story, Task, Untold, tell


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0, 1 when recwatch failed on a log, 2 for a wrong command line."""
    options = parser().parse_args(arguments)
    try:
        tasks = list(tasks_of(options))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="recwatch-incidents-") as work:
        told = list(_told(tasks, options.keep or Path(work), options))
    stories = sorted((one for one in told if isinstance(one, Story)), key=lambda story: story.name)
    untold = [one for one in told if isinstance(one, Untold)]
    text = page(Run(stories, untold, command_of(options)))
    print(f"\n{text}")
    if options.write:
        options.write.write_text(text, encoding="utf-8")
    return 1 if untold else 0


def _told(tasks: Sequence[Task], work: Path, options: argparse.Namespace) -> Iterator[Story | Untold]:
    """Each log's story as soon as it is there, several at a time."""
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        waiting = [pool.submit(tell, task, work, keep=options.keep is not None) for task in tasks]
        for done in as_completed(waiting):
            told = done.result()
            print(_line(told), flush=True)
            yield told


def _line(told: Story | Untold) -> str:
    if isinstance(told, Untold):
        return f"{told.name}: failed: {told.why}"
    held = told.score.held
    speed = f", {told.rows:,} rows, {told.rows / told.seconds:,.0f} a second of one core" if told.rows else ""
    return (
        f"{told.name}: {sum(one.in_time for one in held)} of {len(held)} in time, "
        f"{told.score.false_pages} false pages, {len(told.score.false) - told.score.false_pages} false tickets, "
        f"backtest used {told.seconds:.1f} s{speed}"
    )


def tasks_of(options: argparse.Namespace) -> Iterator[Task]:
    """What is to be judged; the largest first, so that no core waits at the end.

    Raises
    ------
    UserError
        When there is no such scenario.
    """
    if options.simulated:
        yield from (Task(folder.name, simulated=folder) for folder in options.simulated)
        return
    for name in options.scenarios:
        scenario_named(name, options.seeds[0])
        # A drawn shop has a volume of its own.
        rates = [None] if name in DRAWN else sorted(options.requests_per_hour, reverse=True)
        for rate in rates:
            for seed in options.seeds:
                title = f"{Path(name).stem}-{'own' if rate is None else f'{rate:g}'}-{seed}"
                yield Task(title, name, seed, rate)


def command_of(options: argparse.Namespace) -> str:
    """The command that makes the same again; of folders elsewhere only their names."""
    if options.simulated:
        return f"python -m tests.incident_bench --simulated {' '.join(f.name for f in options.simulated)}"
    rates = " ".join(f"{rate:g}" for rate in options.requests_per_hour)
    seeds = ",".join(map(str, options.seeds))
    names = " ".join(Path(name).name if Path(name).is_absolute() else name for name in options.scenarios)
    return f"python -m tests.incident_bench --scenarios {names} --seeds {seeds} --requests-per-hour {rates}"


def _seeds(text: str) -> list[int]:
    """`1-3,7` as numbers."""
    seeds: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        seeds += range(int(first), int(last or first) + 1)
    return seeds


def parser() -> argparse.ArgumentParser:
    """What the command line may say; the bench of peers has the same options and more."""
    out = argparse.ArgumentParser(
        prog="python -m tests.incident_bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    out.add_argument("--scenarios", nargs="+", default=list(NAMES), help=f"{', '.join(NAMES)}, or files")
    out.add_argument("--seeds", type=_seeds, default=[1, 2, 3], help="1-3,7")
    out.add_argument("--requests-per-hour", type=float, nargs="+", default=[300.0, 1500.0], metavar="R")
    out.add_argument("--simulated", type=Path, nargs="+", metavar="FOLDER", help="simulated logs that exist")
    out.add_argument("--keep", type=Path, metavar="FOLDER", help="write logs there, and leave them")
    out.add_argument("--jobs", type=int, default=2, help="logs at a time")
    out.add_argument("--write", type=Path, metavar="PAGE", help="write the page there, too")
    return out


if __name__ == "__main__":
    sys.exit(main())
