"""Measures recwatch's speed and memory as ratios to decoding: `make bench`.

Times of `recwatch once`, the whole process, stand beside those of a process that only decodes the same columns.
Both are run in turn, several rounds; the median counts. Ratios of one run mean something, seconds of two machines
do not. Detectors made of functions stand beside the built-in ones of their kind.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.bench import backtest, daemon, own_detector
from tests.bench.config import write_config
from tests.bench.figures import Figure, machine, table
from tests.bench.hour import Variant, write_hour
from tests.bench.process import Run, last_line, run

ROOT = Path(__file__).parents[2]
RECWATCH = Path(sys.executable).with_name("recwatch")
NOW = "2026-03-02T01:15:00Z"
ROWS = 10_000_000
MB = 1e6


@dataclass(frozen=True)
class Compared:
    """Medians over the rounds; seconds of both, peak memory of recwatch."""

    decode: float
    once: float
    memory: float


class OnceFailed(Exception):
    """`recwatch once` ended with an error; says what it printed."""


def main() -> int:
    options = _options()
    options.cache.mkdir(parents=True, exist_ok=True)
    figures: list[Figure] = []
    print(f"measured on {machine()}", flush=True)
    with tempfile.TemporaryDirectory(prefix="recwatch-bench-") as name:
        work = Path(name)
        for variant in options.variants:
            figures += _variant_figures(variant, options, work)
        if options.large:
            figures += _large_figures(options, work)
        if not options.no_backtest:
            figures += _backtest_figures(options, work)
        figures += _daemon_figures(work)
    figures += own_detector.measure()
    print(f"\n{table(figures)}")
    return 0


def _variant_figures(variant: Variant, options: argparse.Namespace, work: Path) -> list[Figure]:
    millions = f"{options.rows / 1e6:g} million rows, {variant}"
    # The first targets were set for the plain variant; the others are for comparison.
    ratio_target, memory_target = (3.0, 800.0) if variant == "plain" else (None, None)
    try:
        m = _compare(_log(variant, options.rows, options.cache), variant, options.rounds, work)
    except OnceFailed as failed:
        return [Figure(f"{millions}: once / decode", None, " x", ratio_target, str(failed))]
    return [
        Figure(f"{millions}: decode, whole process", m.decode, " s"),
        Figure(f"{millions}: once, whole process", m.once, " s"),
        Figure(f"{millions}: once / decode", m.once / m.decode, " x", ratio_target),
        Figure(f"{millions}: once, peak memory", m.memory / MB, " MB", memory_target),
    ]


def _large_figures(options: argparse.Namespace, work: Path) -> list[Figure]:
    """Ten times the rows in the same hour."""
    name = f"{options.rows / 1e5:g} million rows / {options.rows / 1e6:g} million rows"
    try:
        small = _once(_log("plain", options.rows, options.cache), "plain", work)
        large = _once(_log("plain", 10 * options.rows, options.cache), "plain", work)
    except OnceFailed as failed:
        return [Figure(f"{name}: peak memory", None, " x", 1.5, str(failed))]
    return [
        Figure(f"{name}: time", large.seconds / small.seconds, " x"),
        Figure(f"{name}: peak memory", large.peak_bytes / small.peak_bytes, " x", 1.5),
    ]


def _backtest_figures(options: argparse.Namespace, work: Path) -> list[Figure]:
    name = "28 days: backtest, rows a second of each core used"
    try:
        history = backtest.measure(RECWATCH, options.cache, work)
    except backtest.BacktestFailed as failed:
        return [Figure(name, None, "", 150_000, str(failed), at_least=True)]
    cores = f"{history.cpu_seconds / history.seconds:.1f} cores used"
    return [
        Figure(
            f"28 days, {history.rows / 1e6:.1f} million rows: backtest", history.seconds, " s", note=cores
        ),
        Figure(name, history.rows_per_core_second, "", 150_000, at_least=True),
        Figure("28 days: backtest, peak memory", history.peak_bytes / MB, " MB"),
    ]


def _daemon_figures(work: Path) -> list[Figure]:
    try:
        rest = daemon.measure(RECWATCH, work)
    except daemon.DaemonFailed as failed:
        return [Figure("daemon at rest: memory", None, " MB", 120, str(failed))]
    return [
        Figure("daemon: start to ready", rest.ready_seconds, " s", 2),
        Figure("daemon at rest: memory", rest.memory_bytes / MB, " MB", 120),
        Figure("daemon at rest: share of a core", rest.cpu_share * 100, " %", 0.2),
    ]


def _log(variant: Variant, rows: int, cache: Path) -> Path:
    path = cache / f"{variant}-{rows}.parquet"
    if not path.exists():
        print(f"writing {path} ...", flush=True)
        write_hour(path, variant, rows)
    return path


def _compare(log: Path, variant: Variant, rounds: int, work: Path) -> Compared:
    """Decode and once in turn; a first decode, not counted, brings the file into memory."""
    _decode(log, work)
    decodes, onces = [], []
    for number in range(rounds):
        decodes.append(_decode(log, work).seconds)
        onces.append(_once(log, variant, work))
        print(
            f"{log.name} round {number + 1}: decode {decodes[-1]:.2f} s, once {onces[-1].seconds:.2f} s",
            flush=True,
        )
    return Compared(
        statistics.median(decodes),
        statistics.median(r.seconds for r in onces),
        statistics.median(r.peak_bytes for r in onces),
    )


def _decode(log: Path, work: Path) -> Run:
    done = run([sys.executable, "-m", "tests.bench.decode", str(log)], work)
    if done.exit_code:
        raise RuntimeError(f"decode ended with {done.exit_code}: {done.output}")
    return done


def _once(log: Path, variant: Variant, work: Path) -> Run:
    config = write_config(work / "bench.yaml", log.resolve(), variant)
    state = tempfile.mkdtemp(dir=work)  # a fresh store each time
    done = run([str(RECWATCH), "once", str(config), "--now", NOW, "--storage.path", state], work)
    if done.exit_code:
        raise OnceFailed(f"once ended with {done.exit_code}: {last_line(done.output)}")
    return done


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--variants", nargs="*", default=["plain", "hard", "list"], choices=("plain", "hard", "list")
    )
    parser.add_argument("--no-backtest", action="store_true", help="leave out the four weeks")
    parser.add_argument("--large", action="store_true", help="also ten times the rows; takes minutes")
    parser.add_argument("--cache", type=Path, default=ROOT / ".bench", help="where the logs are kept")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
