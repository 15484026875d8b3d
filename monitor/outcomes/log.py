"""The outcomes' own log: read in bounded memory, or told in words why it says nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from detectors.core.hashing import U64, hash_integers, integers_among
from monitor.config.models import BudgetConfig, Columns, LogConfig
from monitor.config.outcomes import OutcomesConfig
from monitor.config.units import format_bytes
from monitor.engine.codes import codes_of, keys_of
from monitor.engine.plan import plan
from monitor.errors import BudgetError, LogError
from monitor.evaluation import FileSeen, OutcomesSeen, OutcomesState
from monitor.logs import Listing, PredictionLog, Quarantine
from monitor.logs.columns import Column, Kind
from monitor.outcomes.rows import SKEW, OutcomeRows
from monitor.windows import EPOCH, Window

MOST = 2_000_000  # outcomes kept: of more, those of a part of the requests
LATE_SHARE = 0.05  # of a window that the end of the log may lack
SURELY_LATE = 14.0  # outcomes that were due since the last one and did not come: one chance in a million
US = timedelta(microseconds=1)

Part = tuple[NDArray[Any], ...]


@dataclass(frozen=True)
class OutcomesRead:
    """What was read; `rows` is None where it tells nothing of the window."""

    seen: OutcomesSeen
    rows: OutcomeRows | None = None


class OutcomesLog:
    """Clicks and purchases in a log of their own.

    Parameters
    ----------
    config : OutcomesConfig
    log : LogConfig
        The prediction log's: says how to reach an object store.
    """

    def __init__(self, config: OutcomesConfig, log: LogConfig) -> None:
        self.config = config
        names = config.columns
        columns = [
            Column("timestamp", names.timestamp, Kind.TIME),
            Column("item", names.item, Kind.ID),
            Column("request", names.request, Kind.KEY),
            *([Column("kind", names.kind, Kind.ID)] if names.kind else []),
            *([Column("value", names.value, Kind.NUMBER)] if names.value else []),
        ]
        self._log = PredictionLog(_as_log(config, log), columns=columns)

    def listing(self, requests: Window, now: datetime) -> Listing:
        """Files that may hold outcomes of the requests of some time.

        Raises
        ------
        LogError
            When the log is missing, empty or not to be read.
        """
        try:
            return self._log.files(self._span(requests), now)
        except LogError as error:
            raise LogError(str(error).replace("`log.", "`outcomes.")) from error

    def read(
        self,
        requests: Window,
        now: datetime,
        budget: BudgetConfig,
        spent_today: int,
        integers: Collection[str],
        quarantine: Quarantine,
    ) -> OutcomesRead:
        """Outcomes of the requests of some time.

        Parameters
        ----------
        requests : Window
            When the requests were.
        integers : collection of str
            Which of "request" and "item" are integers in the prediction log: they are made that here.
        quarantine : Quarantine
            Takes what cannot be used.
        """
        span = self._span(requests)
        seen = OutcomesSeen(OutcomesState.READ, "", requests.start, requests.end)
        try:
            listing = self.listing(requests, now)
            cost = self._log.cost(listing.files, quarantine)
            reading = plan(listing.files, cost, span, budget, spent_today, all_rows=True)
        except LogError as error:
            return OutcomesRead(replace(seen, state=OutcomesState.MISSING, why=f"outcomes: {error}"))
        except BudgetError as error:
            return OutcomesRead(replace(seen, state=OutcomesState.REFUSED, why=f"outcomes: {error}"))
        listed = tuple(FileSeen(f.path, f.size, f.modified_us) for f in listing.files)
        seen = replace(seen, files=listed, bytes_read=reading.bytes)
        if reading.left_out:
            why = (
                "outcomes: over budget: a part of them says nothing of the rest; raise budget.bytes_per_evaluation "
                f"({format_bytes(budget.bytes_per_evaluation)}) or budget.bytes_per_day"
            )
            return OutcomesRead(replace(seen, state=OutcomesState.REFUSED, why=why, bytes_read=0))
        kept = _Kept(self.config, integers, span, requests)
        for piece in reading.pieces:
            groups = None if piece.row_group is None else [piece.row_group]
            for table in self._log.read(piece.file, quarantine, groups):
                kept.add(table, piece.file.path, quarantine)
        why = kept.late(listing.missing_partitions)
        seen = replace(seen, rows=kept.kept, logged=kept.logged, sampling_rate=kept.rate, why=why)
        if seen.why:
            return OutcomesRead(replace(seen, state=OutcomesState.LATE))
        return OutcomesRead(seen, kept.rows())

    def _span(self, requests: Window) -> Window:
        """When what counts may have happened."""
        return Window(requests.start - SKEW * US, requests.end + self.config.delay)


def _as_log(config: OutcomesConfig, log: LogConfig) -> LogConfig:
    names = config.columns
    remote = config.path.startswith("s3://")
    return LogConfig(
        path=config.path,
        format=config.format,
        partitions=config.partitions,
        partitioned_by=config.partitioned_by,
        partition_lateness=config.settle,
        timestamp_unit=config.timestamp_unit,
        columns=Columns(timestamp=names.timestamp, item=names.item, request=names.request),
        connect_timeout=log.connect_timeout,
        request_timeout=log.request_timeout,
        endpoint=log.endpoint if remote else None,
        region=log.region if remote else None,
    )


class _Kept:
    """Outcomes as they are read, and what is noticed of the log on the way."""

    def __init__(
        self, config: OutcomesConfig, integers: Collection[str], span: Window, requests: Window
    ) -> None:
        self._config, self._integers, self._span, self._requests = config, integers, span, requests
        self._parts: list[Part] = []
        self._newest: int | None = None
        self._seen = 0
        self.kept = 0
        self.rate = 1.0
        self.logged = {kind: 0 for kind in config.kinds if kind != "value"}

    def add(self, table: pa.Table, path: str, quarantine: Quarantine) -> None:
        """Keep what counts of a canonical table."""
        columns = {name: table.column(name).combine_chunks() for name in table.column_names}
        time = columns["timestamp"]
        quarantine.add_rows(path, "rows without a usable time", time.null_count)
        at = np.asarray(time.fill_null(np.iinfo(np.int64).min).to_numpy(zero_copy_only=False))
        inside = (at >= self._span.start_us) & (at < self._span.end_us)
        if not inside.any():
            return
        self._seen += int(inside.sum())
        self._newest = max(int(at[inside].max()), self._newest or 0)
        click, conversion = self._kinds(columns.get("kind"), len(at))
        request, no_request = self._ids("request", columns["request"])
        item, no_item = self._ids("item", columns["item"])
        counts = inside & (click | conversion)
        logged = counts & (at >= self._requests.start_us) & (at < self._requests.end_us)
        for kind, marked in (("click", click), ("conversion", conversion)):
            if kind in self.logged:
                self.logged[kind] += int((marked & logged).sum())
        value = np.full(len(at), np.nan)
        if "value" in columns:
            worth = columns["value"].fill_null(np.nan).to_numpy(zero_copy_only=False).astype(np.float64)
            valued = (conversion if self._config.conversions else click) & np.isfinite(worth)
            value[valued] = worth[valued]
        usable = np.flatnonzero(counts & ~no_request & ~no_item & (request < self._limit))
        self._parts.append(tuple(c[usable] for c in (request, item, at, click, conversion, value)))
        self.kept += len(usable)
        while self.kept > MOST:
            self._halve()

    def late(self, missing: Sequence[str]) -> str:
        """Why the log does not reach as far as outcomes are waited for; empty when it seems to."""
        wanted = f"{self._span.end:%Y-%m-%d %H:%M} UTC"
        if self._newest is None:
            partition = f"; there is no partition {missing[-1]}" if missing else ""
            return (
                f"the outcomes' log has no rows from {self._span.start:%Y-%m-%d %H:%M} to {wanted}{partition}"
            )
        silent = self._span.end_us - self._newest
        usual = max(self._newest - self._span.start_us, 1)
        share = silent / (self._requests.end_us - self._requests.start_us)
        if share <= LATE_SHARE or self._seen * silent / usual < SURELY_LATE:
            return ""
        newest = EPOCH + self._newest * US
        return f"the outcomes' log ends at {newest:%Y-%m-%d %H:%M} UTC, and is needed up to {wanted}: late, or stopped"

    def rows(self) -> OutcomeRows:
        delay = self._config.delay // US
        return OutcomeRows.of(self._parts, delay_us=delay, rate=self.rate, kinds=self._config.kinds)

    @property
    def _limit(self) -> np.uint64:
        return np.uint64(min(self.rate * 2.0**64, 2.0**64 - 1025))

    def _halve(self) -> None:
        """Keep the outcomes of half of the requests, chosen by hash."""
        self.rate /= 2
        parts = [p for p in self._parts if len(p[0])]
        self._parts = [tuple(c[p[0] < self._limit] for c in p) for p in parts]
        self.kept = sum(len(p[0]) for p in self._parts)

    def _kinds(self, kind: pa.Array | None, n: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which rows are a click, and which a conversion."""
        if kind is None:
            return np.ones(n, bool), np.zeros(n, bool)
        codes = codes_of(kind)
        names = [str(name) for name in codes.names]
        of_value = [
            np.append(np.isin(names, list(chosen)), False)  # the last one is for no kind at all
            for chosen in (self._config.clicks, self._config.conversions)
        ]
        return of_value[0][codes.codes], of_value[1][codes.codes]

    def _ids(self, name: str, array: pa.Array) -> tuple[U64, NDArray[np.bool_]]:
        """Hashes of ids as the prediction log would have them, and where there is none."""
        wanted, found = name in self._integers, pa.types.is_integer(array.type)
        if not wanted:
            return keys_of(array.cast(pa.string()) if found else array)
        if found:
            return keys_of(array)
        codes = codes_of(array)
        hashes = codes.hashes.copy()
        at, numbers = integers_among([str(text) for text in codes.names])
        hashes[at] = hash_integers(numbers)
        return np.append(hashes, np.uint64(0))[codes.codes], codes.codes < 0
