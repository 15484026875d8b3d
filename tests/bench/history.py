"""History is not read again: a window is judged against weeks of earlier ones from the store, which grows little.

The earlier windows are made of one real window, measured and judged: each has the same slices and measures, and its
values differ from it by their own errors, so that they compress no better than those of a shop.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np

from detectors.core.verdict import Verdict
from monitor.cycle import REMEMBERED
from monitor.detector_settings import build
from monitor.engine.stored import summary_to_bytes
from monitor.evaluation import Evaluation, FileSeen, ReadReport, Status
from monitor.findings import Findings
from monitor.fold import Fold
from monitor.measured import Measured
from monitor.store import Store
from monitor.windows import Window
from tests.bench.config import recommender, write_config
from tests.bench.figures import MB, Figure
from tests.bench.hour import write_hour
from tests.bench.scaling import sliced
from tests.bench.window import HOUR, Reader

JUDGE_SECONDS, MB_A_DAY = 2.0, 1.0
DAY = timedelta(days=1)
ROWS_A_SLICE = 700
SUMMARIES = 48  # kept, as the daemon does unless told otherwise
SETTLED = 3  # days after which old summaries go as new ones come
FULL = 1.1  # a store that is pruned, over what it was when the first window was due to go


@dataclass(frozen=True)
class Shop:
    """One window as it was measured, from which others are made."""

    reader: Reader
    measured: Measured
    findings: Findings
    summary: bytes
    name: str = "bench"

    @classmethod
    def of(cls, slices: int, measures: int | None, work: Path) -> Shop:
        shape, columns = sliced(slices)
        log = Path(tempfile.mkdtemp(dir=work)) / "hour.parquet"
        write_hour(log, "plain", max(10_000, slices * ROWS_A_SLICE), shape=shape)
        reader = Reader.of(write_config(log.with_suffix(".yaml"), recommender(log, "plain", slices=columns)))
        read = reader.read()
        measured = reader.measure(read)
        measured = replace(measured, found=measured.found[:measures])
        findings, _ = cls._fold(reader).step(measured, HOUR.end, silent=True)
        return cls(reader, measured, findings, summary_to_bytes(read.summary))

    @staticmethod
    def _fold(reader: Reader) -> Fold:
        settings = reader.recommender
        return Fold(settings, build(settings.detectors, settings.detector_files))

    def hours(self, days: int, end: Window = HOUR) -> Iterator[Evaluation]:
        """So many days of hourly windows up to before `end`, in order."""
        rng = np.random.default_rng(7)
        for back in range(days * 24, 0, -1):
            window = Window(end.start - back * end.length, end.end - back * end.length)
            yield self._evaluation(window, varied(self.findings, rng))

    def _evaluation(self, window: Window, findings: Findings) -> Evaluation:
        told = window.end + self.reader.recommender.window.settle
        file = FileSeen(f"/log/{window.start:%Y-%m-%dT%H}.parquet", 10**8, window.end_us)
        report = ReadReport((file,), 10**8, 10**7, 10**7, 10**6, 10**7, newest_event=window.end)
        return Evaluation(
            self.name, window, Status.EVALUATED, told, told, read=report, findings=findings,
            seconds={"read": 1.0, "measure": 1.0, "judge": 1.0}, summary=self.summary,
        )  # fmt: skip

    def judge(self, store: Store) -> Findings:
        """Judge the window from what the store has of those before it, as a worker does that has just started."""
        fold = self._fold(self.reader)
        fold.learn(store.rebaselines(self.name))
        fold.resume(store.evaluations(self.name, since=HOUR.start - REMEMBERED, until=HOUR.start))
        findings, _ = fold.step(self.measured, HOUR.end)
        return findings


def varied(findings: Findings, rng: np.random.Generator) -> Findings:
    """Another window of the same shop: values, and what they are held against, differ by their standard errors."""
    c = findings.columns
    by = np.nan_to_num(c["error"], posinf=0.0)

    def moved(name: str) -> np.ndarray:
        return (c[name] + by * rng.standard_normal(len(by))).astype(c[name].dtype)

    columns = {**c, **{name: moved(name) for name in ("value", "expected", "low", "high")}}
    columns["error"] = (c["error"] * rng.uniform(0.9, 1.1, len(by))).astype(c["error"].dtype)
    columns["verdict"] = np.where(c["verdict"] == Verdict.BREACH, Verdict.OK, c["verdict"]).astype(np.uint8)
    columns["excluded"] = np.zeros_like(c["excluded"])
    return replace(findings, columns=columns)


def measure(
    days: int, slices: int, measures: int, grown_days: int, grown_slices: int, rounds: int, work: Path
) -> list[Figure]:
    """Seconds to judge a window, and how much the store grows."""
    return [*_judging(days, slices, measures, rounds, work), *_growth(grown_days, grown_slices, work)]


def _judging(days: int, slices: int, measures: int, rounds: int, work: Path) -> Iterator[Figure]:
    shop = Shop.of(slices, measures, work)
    state = Path(tempfile.mkdtemp(dir=work))
    with Store.open(state) as store:
        for evaluation in shop.hours(days):
            store.record(replace(evaluation, summary=None))
    times = []
    for _ in range(rounds):
        with Store.open(state, read_only=True) as store:
            begin = time.perf_counter()
            judged = shop.judge(store)
            times.append(time.perf_counter() - begin)
    size = f"{len(judged.slices)} slices, {len(judged.measures)} measures"
    note = f"of which judgement looks back on {min(days, REMEMBERED.days)} days"
    name = f"judge a window against {days} days of hours, {size}"
    yield Figure(name, statistics.median(times), " s", JUDGE_SECONDS, note)


def _growth(days: int, slices: int, work: Path) -> Iterator[Figure]:
    """Twice so many days; from the first half on, what is older than that is pruned each day."""
    shop, retention = Shop.of(slices, None, work), days * DAY
    state, sizes = Path(tempfile.mkdtemp(dir=work)), {}
    with Store.open(state) as store:
        for number, evaluation in enumerate(shop.hours(2 * days), 1):
            store.record(evaluation, keep_summaries=SUMMARIES)
            if number % 24 == 0:
                store.prune(evaluation.window.end, retention)
                sizes[number // 24] = sum(file.stat().st_size for file in state.iterdir())
    from_day = min(SETTLED, days - 1)
    a_day = (sizes[days] - sizes[from_day]) / (days - from_day)
    findings = shop.findings
    name = f"store, {len(findings.slices)} slices, {len(findings.measures)} measures"
    note = (
        f"beside the statistics of the last {SUMMARIES} windows, {SUMMARIES * len(shop.summary) / MB:.2g} MB"
    )
    yield Figure(f"{name}: growth a day and recommender", a_day / MB, " MB", MB_A_DAY, note)
    pruned = "what ended before daemon.retention goes each day, and its pages are used again"
    ratio = sizes[2 * days] / sizes[days]
    yield Figure(f"{name}: after {2 * days} days / after {days}, kept for {days}", ratio, " x", FULL, pruned)
