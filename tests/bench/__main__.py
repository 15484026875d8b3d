"""Measures recwatch's speed and memory: `make bench`.

What is compared is done in turn in one run, several rounds; the median counts. Ratios of one run mean something,
seconds of two machines do not. Each figure stands beside its target; what falls short is marked, and ends nothing.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.bench import (
    backtest,
    counting,
    daemon,
    history,
    once,
    own_detector,
    picture,
    sampling,
    scaling,
    scrape,
    twelve,
)
from tests.bench.figures import CouldNotMeasure, Figure, machine, table

ROOT = Path(__file__).parents[2]


def _scaling(options: argparse.Namespace, work: Path) -> list[Figure]:
    """With a picture of each curve, where pictures are wanted."""
    sizes = {of: getattr(options, f"scaling_{of}") for of in ("rows", "items", "slices", "files")}
    curves = scaling.measure(sizes, options.rows, options.scaling_rounds, options.cache, work)
    for curve in curves:
        if options.pictures is not None and curve.points:
            picture.draw(curve, options.pictures / f"bench-{curve.of}.png")  # as the daemon serves them
    return scaling.figures(curves)


# What can be measured, in the order in which it is.
ITEMS: dict[str, Callable[[argparse.Namespace, Path], list[Figure]]] = {
    "statistics": lambda o, work: counting.measure(o.rows, o.rounds, o.variants, o.cache, work),
    "once": lambda o, work: once.measure(o.rows, o.rounds, o.variants, o.cache, work),
    "scaling": _scaling,
    "sampling": lambda o, work: sampling.measure(
        o.sampled_rows, o.sampled_budget, o.seeds, o.seed_rows, o.seed_budget, o.cache, work
    ),
    "scrape": lambda o, work: scrape.measure(o.series, o.busy_rows, o.scrapes, work),
    "history": lambda o, work: history.measure(
        o.days, o.history_slices, o.history_measures, o.grown_days, o.grown_slices, o.rounds, work
    ),
    "twelve": lambda o, work: twelve.measure(o.recommenders, o.recommender_rows, o.rounds, o.cache, work),
    "daemon": lambda o, work: daemon.measure(work),
    "backtest": lambda o, work: backtest.measure(o.cache, work, o.requests_per_hour, o.backtest_days),
    "own": lambda o, work: own_detector.measure(o.own_requests, o.rounds),
}


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    options.cache.mkdir(parents=True, exist_ok=True)
    figures: list[Figure] = []
    print(f"measured on {machine()}", flush=True)
    for item in options.only or ITEMS:
        print(f"{item} ...", flush=True)
        with tempfile.TemporaryDirectory(prefix="recwatch-bench-") as work:
            try:
                found = ITEMS[item](options, Path(work))
            except CouldNotMeasure as error:
                found = [Figure(item, None, "", note=str(error))]
        print(f"\n{table(found)}\n", flush=True)
        figures += found
    if len(options.only or ITEMS) > 1:
        print(f"all of it\n\n{table(figures)}")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--only", nargs="+", choices=ITEMS, help="measure these alone")
    add("--rows", type=int, default=10_000_000, help="of the hour that is read")
    add("--rounds", type=int, default=5, help="the median of them counts")
    add("--variants", nargs="+", default=["plain", "hard", "list"], choices=("plain", "hard", "list"))
    add("--scaling-rows", type=int, nargs="*", default=[1_000_000, 10_000_000, 100_000_000])
    add("--scaling-items", type=int, nargs="*", default=[1_000, 10_000, 100_000, 1_000_000])
    add("--scaling-slices", type=int, nargs="*", default=[1, 10, 44, 100, 300])
    add("--scaling-files", type=int, nargs="*", default=[1, 10, 50, 200])
    add("--scaling-rounds", type=int, default=1, help="at each size; 100 million rows take minutes")
    add("--pictures", type=Path, default=None, help="folder in which pictures of the scaling are written")
    add("--sampled-rows", type=int, default=100_000_000, help="of the window whose cost sampling lowers")
    add("--sampled-budget", type=int, default=1_000_000, help="its budget of rows")
    add("--seeds", type=int, default=200, help="windows in which a sample is compared with all rows")
    add("--seed-rows", type=int, default=200_000, help="of each of them")
    add("--seed-budget", type=int, default=25_000, help="budget of rows of each of them")
    add("--series", type=int, default=5_000, help="that /metrics has while it is asked")
    add(
        "--busy-rows",
        type=int,
        default=20_000_000,
        help="of each of two windows that are evaluated meanwhile",
    )
    add("--scrapes", type=int, default=2_000, help="at most")
    add("--days", type=int, default=60, help="of hourly history against which a window is judged")
    add("--history-slices", type=int, default=300, help="of each of these windows")
    add("--history-measures", type=int, default=40, help="of each of these windows")
    add("--grown-days", type=int, default=14, help="for which the store is kept while its growth is measured")
    add("--grown-slices", type=int, default=30, help="of each window, with all measures")
    add("--recommenders", type=int, default=12, help="that have a window due in one tick")
    add("--recommender-rows", type=int, default=1_000_000, help="of each of these windows")
    add("--requests-per-hour", type=float, default=1_500, help="of the shop that is backtested")
    add("--backtest-days", type=int, default=28, help="lists of ten: ten million rows in all")
    add("--own-requests", type=int, default=150_000, help="of each batch that own detectors count")
    add("--cache", type=Path, default=ROOT / ".bench", help="where the logs are kept")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
