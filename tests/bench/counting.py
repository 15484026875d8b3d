"""The statistics of all default detectors in process and warm, beside decoding and beside DuckDB.

All three are done in turn in one process, with two threads each; the median over the rounds counts.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from monitor.engine.summarise import WindowSummary
from tests.bench.answers import Both, Compared, counts
from tests.bench.config import ALL_ROWS, recommender, write_config
from tests.bench.decode import decode
from tests.bench.estimates import estimated
from tests.bench.figures import Figure, millions
from tests.bench.hour import Variant
from tests.bench.logs import log_of
from tests.bench.questions import Asked, Database
from tests.bench.window import Reader

TO_DECODE = {"plain": 2.0, "hard": 4.0}
TO_DUCKDB = {"plain": 8.0, "hard": 3.5}
LIST_TO_LONG = 1.0  # seconds of an item in the list layout over those in the long one
STATED_PERCENT = 95.0  # of estimates within three standard errors: with few answers, one may be outside

T = TypeVar("T")


def measure(rows: int, rounds: int, variants: Sequence[Variant], cache: Path, work: Path) -> list[Figure]:
    figures, seconds = [], {}
    for variant in variants:
        seconds[variant], of_variant = _measure(rows, rounds, variant, cache, work)
        figures += of_variant
    if {"plain", "list"} <= seconds.keys():
        ratio = seconds["list"] / seconds["plain"]
        figures.append(
            Figure("statistics, an item of the list layout / long layout", ratio, " x", LIST_TO_LONG)
        )
    return figures


def _measure(rows: int, rounds: int, variant: Variant, cache: Path, work: Path) -> tuple[float, list[Figure]]:
    """Seconds for the statistics as they are by default, and all figures; over the budget also those of all rows."""
    log, name = log_of(cache, variant, rows), f"{millions(rows)}, {variant}"
    reader = Reader.of(write_config(work / "default.yaml", recommender(log, variant)))
    database = Database(log, variant)
    decode(log)
    rate = reader.read().summary.rate  # and both are warm
    readers = {name if rate == 1 else f"{name}, a sample of {100 * rate:g} % of users": reader}
    if rate < 1:
        every = write_config(work / "all.yaml", recommender(log, variant, budget=ALL_ROWS))
        readers[f"{name}, all rows"] = Reader.of(every)
    decoded, asked = [], []
    counted: dict[str, list[float]] = {which: [] for which in readers}
    read: dict[str, WindowSummary] = {}
    for _ in range(rounds):
        decoded.append(_timed(lambda: decode(log))[0])
        for which, reader in readers.items():
            took, read[which] = _timed(reader.read)
            counted[which].append(took)
        answers = database.ask()
        asked.append(answers.seconds)
    limit, sql = statistics.median(decoded), statistics.median(asked)
    figures = [Figure(f"{name}: decode, in process", limit, " s")]
    for which, reader in readers.items():
        ours = statistics.median(counted[which])
        figures += [
            Figure(f"{which}: statistics / decode", ours / limit, " x", TO_DECODE.get(variant)),
            Figure(f"{which}: DuckDB / statistics", sql / ours, " x", TO_DUCKDB.get(variant), at_least=True),
            *(_figure(which, compared) for compared in compare(reader, read[which], database, answers)),
        ]
    return statistics.median(next(iter(counted.values()))), figures


def compare(reader: Reader, read: WindowSummary, database: Database, asked: Asked) -> list[Compared]:
    """All answers of recwatch, in the order of the questions."""
    both = Both(read.summary, reader.measure(read), database, asked.answers)
    return sorted([*counts(both), *estimated(both)], key=lambda c: c.question[:2])


def _figure(which: str, compared: Compared) -> Figure:
    word = "as DuckDB has them" if compared.exact else "within their error"
    share = 100 * compared.agree / compared.of if compared.of else None
    least = 100.0 if compared.exact else STATED_PERCENT
    note = f"{compared.how}; {compared.of:,} answers"
    return Figure(f"{which}: {compared.question}, {word}", share, " %", least, note, at_least=True)


def _timed(do: Callable[[], T]) -> tuple[float, T]:
    begin = time.perf_counter()
    done = do()
    return time.perf_counter() - begin, done
