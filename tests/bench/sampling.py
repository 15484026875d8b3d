"""Whether sampling pays: what it saves, and whether each measurement stays inside the error that it states.

The error is looked at over many logs, each drawn by a seed of its own: a sample of users against all users of the same
window, and a sample of users in a sample of row groups, as it is taken far over the budget.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from monitor.measured import Measured
from monitor.store import Store
from tests.bench.command import once
from tests.bench.config import ALL_ROWS, recommender, write_config
from tests.bench.figures import CouldNotMeasure, Figure, millions
from tests.bench.hour import Shape, write_hour
from tests.bench.logs import log_of
from tests.bench.window import Reader

COST_PERCENT = 35.0  # of the full evaluation
STANDARD_ERRORS, INSIDE_PERCENT = 2.0, 95.0  # a normal error is inside in 95.4 % of all cases
# Users come several times, so that they are clusters of requests; and row groups are many.
SHAPE = Shape(items=5_000, users=8_000, row_group=2_000)
FAR_OVER = 4  # times smaller is the budget over which row groups are left out


def measure(
    rows: int, budget: int, seeds: int, seed_rows: int, seed_budget: int, cache: Path, work: Path
) -> list[Figure]:
    """What a budget of rows saves on a large window, and what it costs in error on small ones."""
    return [*_cost(rows, budget, cache, work), *_error(seeds, seed_rows, seed_budget, work)]


def _cost(rows: int, budget: int, cache: Path, work: Path) -> list[Figure]:
    log = log_of(cache, "plain", rows)
    full = _evaluation_seconds(recommender(log, "plain", budget=ALL_ROWS), work / "full")
    sampled = _evaluation_seconds(recommender(log, "plain", budget=budget), work / "sampled")
    name = f"{millions(rows)}, a budget of {millions(budget)}"
    return [
        Figure(f"{name}: sampled / full evaluation", 100 * sampled / full, " %", COST_PERCENT),
        Figure(f"{name}: full evaluation", full, " s"),
    ]


def _evaluation_seconds(watched: Mapping[str, Any], state: Path) -> float:
    """Reading, measuring and judging, as the evaluation says it."""
    state.mkdir()
    once(write_config(state / "config.yaml", watched), state, state)
    with Store.open(state, read_only=True) as store:
        evaluation = store.latest(str(watched["name"]))
    if evaluation is None or evaluation.status != "evaluated":
        raise CouldNotMeasure(evaluation.reason if evaluation else "the window was not evaluated")
    return sum(evaluation.seconds.values())


@dataclass
class Errors:
    """How often a measurement of a sample was inside its error of what all rows say, by full name.

    Parameters
    ----------
    least : mapping of name to int
        Effective sample size below which a measurement is not judged, and not looked at here.
    inside, of : mapping of name to int
        Slices of all windows in which both could be measured.
    """

    least: Mapping[str, int]
    inside: dict[str, int] = field(default_factory=dict)
    of: dict[str, int] = field(default_factory=dict)

    def add(self, sampled: Measured, full: Measured) -> None:
        """Look at one window."""
        where = {text: i for i, text in enumerate(full.slices)}
        both = [(i, where[text]) for i, text in enumerate(sampled.slices) if text in where]
        here, there = (np.array(column, np.int64) for column in zip(*both, strict=True))
        of_full = dict(full.found)
        for name, measurement in sampled.found:
            if name not in of_full:
                continue
            value, error = measurement.value[here], measurement.error[here]
            truth = of_full[name].value[there]
            known = np.isfinite(value) & np.isfinite(truth) & np.isfinite(error)
            known &= measurement.n[here] >= self.least[name]
            slack = 1e-9 * np.abs(truth)  # sums of the same numbers in another order
            inside = np.abs(value - truth) <= STANDARD_ERRORS * error + slack
            self.inside[name] = self.inside.get(name, 0) + int(inside[known].sum())
            self.of[name] = self.of.get(name, 0) + int(known.sum())

    def figures(self, of_what: str) -> Iterable[Figure]:
        """How many measurements are outside too often, and each of them."""
        shares = {name: 100 * self.inside[name] / n for name, n in self.of.items() if n}
        outside = [name for name, share in shares.items() if share < INSIDE_PERCENT]
        yield Figure(
            f"{of_what}: measurements outside their error too often", len(outside), "", 0, ", ".join(outside)
        )
        for name, share in sorted(shares.items(), key=lambda pair: pair[1]):
            note = f"{self.of[name]:,} slices of windows"
            yield Figure(
                f"{of_what}: {name} inside two standard errors",
                share,
                " %",
                INSIDE_PERCENT,
                note,
                at_least=True,
            )


def _error(seeds: int, rows: int, budget: int, work: Path) -> Iterable[Figure]:
    log = work / "seed.parquet"

    def reader(name: str, budget: int) -> Reader:
        return Reader.of(write_config(work / f"{name}.yaml", recommender(log, "plain", budget=budget)))

    full = reader("full", ALL_ROWS)
    least = {f"{n}.{m.name}": m.least_n for n, d in full.detectors.items() for m in d.measures()}
    samples = {
        "of users": (reader("users", budget), Errors(least)),
        "of row groups": (reader("row-groups", budget // FAR_OVER), Errors(least)),
    }
    for seed in range(seeds):
        write_hour(log, "plain", rows, seed=seed, shape=SHAPE)
        of_all = full.measure(full.read())
        for sampled, errors in samples.values():
            errors.add(sampled.measure(sampled.read()), of_all)
    for name, (_, errors) in samples.items():
        yield from errors.figures(f"sample {name}")
