"""The whole process: `recwatch once` beside a process that only decodes the same columns."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from tests.bench.command import decode, once
from tests.bench.config import recommender, write_config
from tests.bench.figures import MB, Figure, millions
from tests.bench.hour import Variant
from tests.bench.logs import log_of

MORE_SECONDS = 2.5  # than decoding: start, judge and store
RATIO, MEMORY_MB = 3.0, 800.0  # the first targets, of the plain variant


def measure(rows: int, rounds: int, variants: Sequence[Variant], cache: Path, work: Path) -> list[Figure]:
    """Both in turn, the median over the rounds; a first decode, not counted, brings the file into memory."""
    figures = []
    for variant in variants:
        log = log_of(cache, variant, rows)
        config = write_config(work / "once.yaml", recommender(log, variant))
        decode(log, work)
        runs = [(decode(log, work), once(config, work)) for _ in range(rounds)]
        decoded = statistics.median(d.seconds for d, _ in runs)
        seconds = statistics.median(o.seconds for _, o in runs)
        memory = statistics.median(o.peak_bytes for _, o in runs)
        name, plain = f"{millions(rows)}, {variant}", variant == "plain"
        figures += [
            Figure(f"{name}: decode, whole process", decoded, " s"),
            Figure(f"{name}: once, whole process", seconds, " s"),
            Figure(f"{name}: once - decode", seconds - decoded, " s", MORE_SECONDS),
            Figure(f"{name}: once / decode", seconds / decoded, " x", RATIO if plain else None),
            Figure(f"{name}: once, peak memory", memory / MB, " MB", MEMORY_MB if plain else None),
        ]
    return figures
