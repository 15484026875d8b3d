"""What a detector made of a function costs, against the statistic of a built-in one of the same kind.

    python -m tests.bench.own_detector [--requests N] [--rounds N]

Both count the same batches, one after the other in the same process; the median over the rounds counts. Seconds are
those of the processor, since both are done by one thread.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from detectors import (
    Batch,
    Statistic,
    count_of_rows,
    mean_of_rows,
    quantile_of_rows,
    share_of_requests,
    share_of_rows,
    share_of_users,
)
from detectors.own.detector import OneQuestion
from detectors.statistics.click_tally import ClickTally
from detectors.statistics.list_tally import ListTally
from detectors.statistics.panel import Panel
from detectors.statistics.score_histogram import ScoreHistogram
from detectors.statistics.score_tally import ScoreTally
from monitor.own.laws import random_batch
from tests.bench.figures import Figure, machine, table

MOST = 1.5  # times the built-in one
REQUESTS, BATCHES, ROUNDS = 150_000, 4, 7  # about half a million rows a batch, as row groups have


@share_of_rows(needs=["click"])
def clicked(batch: Any) -> Any:
    """Share of rows clicked."""
    return batch.click


@share_of_requests
def short(batch: Any) -> Any:
    """Share of lists with fewer than two items."""
    return batch.length < 2


@share_of_users(needs=["click"])
def clickers(batch: Any) -> Any:
    """Share of users with a click."""
    return batch.any_row(batch.click)


@mean_of_rows(needs=["score"])
def mean_score(batch: Any) -> Any:
    """Mean score."""
    return batch.score


@quantile_of_rows(needs=["score"])
def median_score(batch: Any) -> Any:
    """Median score."""
    return batch.score


@count_of_rows
def first_places(batch: Any) -> Any:
    """Rows at the first place."""
    return batch.position == 1


@dataclass(frozen=True)
class Pair:
    """A detector of a function, and the statistic that a built-in detector has for questions of its kind."""

    own: type[OneQuestion]
    built_in: type[Statistic]


PAIRS = (
    Pair(clicked, ClickTally),  # outcome: rates by random groups of users
    Pair(short, ListTally),  # lists: shares of requests
    Pair(clickers, Panel),  # same_item, personalization: users
    Pair(mean_score, ScoreHistogram),  # scores: numbers of rows
    Pair(median_score, ScoreHistogram),
    Pair(first_places, ScoreTally),  # scores: counts of rows
)


def measure(requests: int = REQUESTS, rounds: int = ROUNDS) -> list[Figure]:
    """A figure for each pair: seconds of the function over those of the built-in."""
    figures = []
    for pair in PAIRS:
        own, built_in = [], []
        for round_ in range(rounds + 1):
            seconds = _seconds(pair.own.state, requests), _seconds(pair.built_in, requests)
            if round_:  # the first one warms up
                own.append(seconds[0])
                built_in.append(seconds[1])
        ratio = statistics.median(own) / statistics.median(built_in)
        name = f"function {pair.own.name} / {pair.built_in.name}"
        note = f"{1e3 * statistics.median(own):.0f} ms, {BATCHES} batches of {requests:,} requests"
        figures.append(Figure(name, ratio, " x", MOST, note))
    return figures


def _seconds(kind: type[Statistic], requests: int) -> float:
    """Counting and merging; each time of new batches, so that nothing is remembered from before."""
    batches = _batches(requests)
    begin = time.process_time()
    kind.merge_all([kind.from_batch(batch) for batch in batches])
    return time.process_time() - begin


@cache
def _made(requests: int) -> list[Batch]:
    return [random_batch(clicked(), seed, requests) for seed in range(BATCHES)]


def _batches(requests: int) -> list[Batch]:
    """Without what others had worked out of them: each pays for what it is the first to need."""
    return [replace(batch) for batch in _made(requests)]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.own_detector", description=__doc__)
    parser.add_argument("--requests", type=int, default=REQUESTS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    print(f"measured on {machine()}\n", flush=True)
    print(table(measure(options.requests, options.rounds)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
