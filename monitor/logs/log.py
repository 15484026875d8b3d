"""A prediction log: the files a window needs, what reading them costs, their rows in canonical columns."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import pyarrow as pa

from monitor.config.models import LogConfig
from monitor.errors import LogError
from monitor.logs.columns import Column, Kind, unusable, value_type, wanted_columns
from monitor.logs.facts import Cost, Facts, FileCost
from monitor.logs.listing import (
    Listing,
    LogFile,
    Partitions,
    Period,
    edge,
    expand,
    folder_values,
    is_young,
    sort_entries,
)
from monitor.logs.object_store import open_source
from monitor.logs.quarantine import Quarantine
from monitor.logs.reader import KnownFacts, open_reader
from monitor.logs.source import BadFile, Entry, Source, State
from monitor.windows import EPOCH, Window

MICROSECOND = timedelta(microseconds=1)
CLOCKS_APART = timedelta(minutes=5)  # clocks may differ by this much, and a row be written this much later
PLAUSIBLE = (946_684_800_000_000, 4_102_444_800_000_000)  # the years 2000 to 2099


class PredictionLog:
    """The log of one recommender.

    Parameters
    ----------
    config : LogConfig
    extra_columns : sequence of str
        Dotted paths of columns beside the roles: slices, the `split_by` column.
    own_columns : collection of (path, type)
        Those that detectors ask for, as `float`, `bool` or `str`.
    source : Source, optional
        Where the bytes are; follows from the configured path.
    columns : sequence of Column, optional
        What is wanted instead of the configured roles and the extra columns.

    Raises
    ------
    UserError
        When `partitions` names no time, or an extra column has the name of another role.
    """

    def __init__(
        self,
        config: LogConfig,
        extra_columns: Sequence[str] = (),
        own_columns: Collection[tuple[str, type]] = (),
        source: Source | None = None,
        columns: Sequence[Column] | None = None,
    ) -> None:
        self._config = config
        self.own_columns = tuple(own_columns)
        self._root = config.path.rstrip("/") or "/"
        self._columns = (
            wanted_columns(config, extra_columns, own_columns) if columns is None else tuple(columns)
        )
        self._partitions = Partitions(config.partitions) if config.partitions else None
        self._source = source or open_source(config)
        self._reader = open_reader(config.format, self._source, self._columns, config.timestamp_unit)
        self._facts = KnownFacts(self._reader)
        self._as_text: frozenset[str] = frozenset()

    def files(self, window: Window, now: datetime) -> Listing:
        """The files that may hold rows of the window; only the partitions that it needs are listed.

        A log partitioned by arrival is looked at until `partition_lateness` after the window. Partitions that
        begin after `now` are not looked at and not missed. Without partitions, Parquet files whose footers say
        that they hold other times are left out.

        Raises
        ------
        LogError
            When the log is missing, empty, not to be read, or holds only files of another format.
        """
        if self._partitions is None:
            if (single := self._source.file(self._root)) is not None:
                return self._sorted([single], [], any_name=True)
            entries = self._source.walk(self._root) or []
            listing = self._sorted(entries, [])
            self._facts.look_up(listing.files)
            if not entries:
                self._refuse_nothing()
            return Listing(tuple(f for f in listing.files if self._may_hold(f, window)), listing.waiting)
        end = window.end
        if self._config.partitioned_by == "arrival":
            end += self._config.partition_lateness
        entries, missing, there = [], [], False
        for names in self._partitions.names(window.start, min(end, now)):
            found = [self._source.walk(folder) for folder in expand(self._source, self._root, names)]
            if all(folder is None for folder in found):
                missing.append("/".join(names))
            else:
                there = True
                entries += [entry for folder in found for entry in folder or ()]
        if not there:
            self._refuse_nothing()
        return self._sorted(entries, missing)

    def period(self, file: LogFile) -> Period | None:
        """When the rows of a file can be, by the time that its partition stands for; None where nothing says it."""
        if self._partitions is None:
            return None
        folders = tuple(file.path.removeprefix(self._root).strip("/").split("/")[:-1])
        depth = len(self._partitions.levels)
        found = self._partitions.parse(folders[:depth]) if len(folders) >= depth else None
        if found is None:
            return None
        by_arrival = self._config.partitioned_by == "arrival"
        late = self._config.partition_lateness if by_arrival else timedelta()
        earliest, latest = found[0] - max(late, CLOCKS_APART), found[1] + CLOCKS_APART
        return Period(
            (earliest - EPOCH) // MICROSECOND,
            (latest - EPOCH) // MICROSECOND,
            (found[1] - found[0]) // MICROSECOND,
        )

    def span(self) -> tuple[datetime, datetime] | None:
        """First and last event time that the log seems to hold, None when it seems to hold nothing.

        Partition names say where to look. In the first and the last partition, and in every file of a log without
        partitions, footers say the time, or the first and last rows of a file where they do not.
        """
        if self._partitions is None:
            times = self._times(self._walk(self._root))
        else:
            edges = [edge(self._source, self._root, self._partitions, last) for last in (False, True)]
            times = [
                moment for found in edges if found is not None for moment in self._partition_times(*found)
            ]
        return (min(times), max(times)) if times else None

    def cost(self, files: Sequence[LogFile], quarantine: Quarantine) -> Cost:
        """Rows and bytes of the wanted columns, from metadata; files that cannot be used are quarantined.

        Also settles whether ids that are integers in some of the files and text in others are read as text.
        """
        self._facts.look_up(files)
        per_file, exact = [], True
        for file in files:
            facts = self._usable(file, quarantine)
            if facts is not None:
                groups = tuple(
                    (shown, size) for shown, (_, size) in zip(facts.shown, facts.row_groups, strict=True)
                )
                per_file.append(FileCost(file.path, facts.rows, facts.bytes, groups, facts.times))
                exact &= facts.exact
        self._as_text = self.ids_as_text(files)
        return Cost(sum(c.rows for c in per_file), sum(c.bytes for c in per_file), exact, tuple(per_file))

    def read(
        self,
        file: LogFile,
        quarantine: Quarantine,
        row_groups: Sequence[int] | None = None,
        as_text: Collection[str] | None = None,
    ) -> Iterator[pa.Table]:
        """Canonical tables in file order: a row group (a part of it when it is very large) or block at a time.

        Parameters
        ----------
        row_groups : sequence of int, optional
            Only these, for Parquet. Several threads may read the same file.
        as_text : collection of str, optional
            Columns whose integers become text; what `cost` settled when not given.
        """
        if self._usable(file, quarantine) is None:
            return
        given = self._given(file)
        try:
            yield from self._reader.read(
                file, quarantine, row_groups, given, self._as_text if as_text is None else as_text
            )
        except BadFile as error:
            quarantine.add_file(file.path, str(error))

    def columns_found(self, files: Sequence[LogFile]) -> Mapping[str, str]:
        """Arrow type by role or extra column, for those that at least one of the files has."""
        out: dict[str, str] = {}
        for file in files:
            for name, kind in self._types(file).items():
                out.setdefault(name, str(kind))
        return {column.name: out[column.name] for column in self._columns if column.name in out}

    def fields(self, file: LogFile) -> Mapping[str, str]:
        """Arrow type by dotted path, for every field that a file has.

        Raises
        ------
        LogError
            When the file cannot be used.
        """
        try:
            return self._reader.fields(file)
        except BadFile as error:
            raise LogError(f"{file.path}: {error}") from error

    def ids_as_text(self, files: Sequence[LogFile]) -> frozenset[str]:
        """Id columns that are integers in some of the files and something else in others."""
        return frozenset(name for name, kinds in self._integers(files).items() if len(kinds) > 1)

    def integer_ids(self, files: Sequence[LogFile]) -> frozenset[str]:
        """Id columns that are integers in all files that have them."""
        return frozenset(name for name, kinds in self._integers(files).items() if kinds == {True})

    def _integers(self, files: Sequence[LogFile]) -> dict[str, set[bool]]:
        """For each id column, whether it is one of integers in files that have it."""
        ids = {c.name for c in self._columns if c.kind in (Kind.ID, Kind.KEY)}
        found: dict[str, set[bool]] = {}
        for file in files:
            for name, kind in self._types(file).items():
                if name in ids:
                    found.setdefault(name, set()).add(bool(pa.types.is_integer(value_type(kind))))
        return found

    def _usable(self, file: LogFile, quarantine: Quarantine) -> Facts | None:
        try:
            facts = self._facts.of(file)
            reason = unusable(self._columns, {**self._given_types(file), **facts.types})
        except BadFile as error:
            reason = str(error)
        if reason is not None:
            quarantine.add_file(file.path, reason)
            return None
        return facts

    def _types(self, file: LogFile) -> dict[str, pa.DataType]:
        try:
            return {**self._given_types(file), **self._facts.of(file).types}
        except BadFile:
            return {}

    def _given(self, file: LogFile) -> dict[str, str | None]:
        """Columns whose value the names of the file's folders say."""
        values = folder_values(self._root, file.path)
        return {column.name: values[column.path] for column in self._columns if column.path in values}

    def _given_types(self, file: LogFile) -> dict[str, pa.DataType]:
        return dict.fromkeys(self._given(file), pa.string())

    def _sorted(self, entries: Sequence[Entry], missing: Sequence[str], any_name: bool = False) -> Listing:
        found = sort_entries(entries, None if any_name else self._config.format)
        waiting = list(found.waiting)
        files = []
        for file in found.files:
            if is_young(file) and self._reader.half_written(file):
                waiting.append(file.path)
            else:
                files.append(file)
        if found.foreign and not files and not waiting:
            raise LogError(
                f"{self._root}: holds no {self._config.format} file but {len(found.foreign)} others, such as "
                f"{min(found.foreign)}: check `log.format` ({self._config.format})"
            )
        return Listing(tuple(sorted(files, key=lambda f: f.path)), tuple(sorted(waiting)), tuple(missing))

    def _may_hold(self, file: LogFile, window: Window) -> bool:
        try:
            times = self._facts.of(file).times
        except BadFile:
            return True  # to be quarantined, and named
        return not times or any(
            t is None or (t[0] < window.end_us and t[1] >= window.start_us) for t in times
        )

    def _refuse_nothing(self) -> None:
        match self._source.state(self._root):
            case State.MISSING:
                raise LogError(f"{self._root}: does not exist: check `log.path`")
            case State.EMPTY:
                raise LogError(
                    f"{self._root}: is an empty folder: check `log.path`, or wait for the first file"
                )

    def _walk(self, folder: str) -> list[LogFile]:
        """Complete files below a folder, or the file when the log is a single one."""
        single = self._source.file(folder)
        if single is not None:
            return sort_entries([single], None).files
        return sort_entries(self._source.walk(folder) or (), self._config.format).files

    def _partition_times(self, start: datetime, end: datetime) -> Sequence[datetime]:
        """The times that a partition's files hold; those that it stands for where they do not say."""
        assert self._partitions is not None
        names = next(self._partitions.names(start, end))
        times = self._times(
            [f for folder in expand(self._source, self._root, names) for f in self._walk(folder)]
        )
        if self._config.partitioned_by == "event_time":
            times = [moment for moment in times if start <= moment < end]
        return times or (start, end)

    def _times(self, files: Sequence[LogFile]) -> list[datetime]:
        """First and last plausible time of each file."""
        self._facts.look_up(files)
        found: list[int] = []
        for file in files:
            with suppress(BadFile):
                known = self._facts.of(file).times
                if known and all(known):
                    found += [moment for pair in known if pair is not None for moment in pair]
                    continue
                for table in self._reader.read(file, Quarantine(), None, self._given(file), (), ends=True):
                    times = table["timestamp"].drop_null().to_numpy()
                    times = times[(times >= PLAUSIBLE[0]) & (times < PLAUSIBLE[1])]
                    found += [int(times.min()), int(times.max())] if len(times) else []
        return [EPOCH + timedelta(microseconds=t) for t in found if PLAUSIBLE[0] <= t < PLAUSIBLE[1]]
