"""Simulates logs with incidents, lets recwatch find them untouched, and prints what it found by kind.

python -m tests.incident_bench --seeds 1-3 --requests-per-hour 1500
python -m tests.incident_bench --simulated FOLDER ...    # logs that are there already
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from monitor.errors import UserError
from monitor.simulator.scenario import Scenario, read_scenario
from monitor.simulator.scenarios import SCENARIOS
from tests.incident_bench.report import by_kind, in_all, told_wrongly
from tests.incident_bench.story import RecwatchFailed, Story, judge, simulate


def main() -> int:
    """Exit code: 0, 1 when recwatch failed on a log, 2 for a wrong command line."""
    options = _parser().parse_args()
    stories, failures = [], []
    with tempfile.TemporaryDirectory(prefix="recwatch-incidents-") as work:
        try:
            for told in _stories(options, options.keep or Path(work)):
                if isinstance(told, Story):
                    stories.append(told)
                else:
                    failures.append(told)
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
    if stories:
        print(f"\n{by_kind(stories)}\n")
        print("\n".join(in_all(stories)))
        print("\n".join(["", *told_wrongly(stories)]))
    for failure in failures:
        print(f"failed: {failure}")
    return 1 if failures else 0


def _stories(options: argparse.Namespace, work: Path) -> Iterator[Story | str]:
    """Each log's story, or the sentence that says why there is none."""
    for name, simulated, rows in _logs(options, work):
        try:
            story = judge(name, simulated, work / "judged" / name, rows)
        except RecwatchFailed as failed:
            yield f"{name}: {failed}"
            continue
        found = sum(held.in_time for held in story.score.held)
        speed = f", {rows / story.seconds:,.0f} rows a second" if rows else ""
        print(
            f"{name}: {found} of {len(story.score.held)} in time, {len(story.score.false)} false reports, "
            f"backtest {story.seconds:.1f} s{speed}",
            flush=True,
        )
        yield story


def _logs(options: argparse.Namespace, work: Path) -> Iterator[tuple[str, Path, int]]:
    if options.simulated:
        for folder in options.simulated:
            yield folder.name, folder, 0
        return
    for name in options.scenarios:
        scenario = _scenario(name)
        for rate in options.requests_per_hour:
            for seed in options.seeds:
                title = f"{Path(name).stem}-{rate:g}-{seed}"
                folder = work / title
                yield title, folder, simulate(scenario, seed, rate, folder)


def _scenario(name: str) -> Scenario:
    return SCENARIOS[name] if name in SCENARIOS else read_scenario(Path(name))


def _seeds(text: str) -> list[int]:
    """`1-3,7` as numbers."""
    seeds: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        seeds += range(int(first), int(last or first) + 1)
    return seeds


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.incident_bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = ", ".join(SCENARIOS)
    parser.add_argument(
        "--scenarios", nargs="+", default=["quiet", "incidents", "traits"], help=f"{names}, or files"
    )
    parser.add_argument("--seeds", type=_seeds, default=[1], help="1-3,7")
    parser.add_argument("--requests-per-hour", type=float, nargs="+", default=[1500.0], metavar="R")
    parser.add_argument(
        "--simulated", type=Path, nargs="+", metavar="FOLDER", help="simulated logs that exist"
    )
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="write there, and leave it")
    return parser


if __name__ == "__main__":
    sys.exit(main())
