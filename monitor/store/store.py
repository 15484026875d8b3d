"""The store: what was evaluated, found and told. The truth from which everything else follows."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, select

from monitor.errors import StoreError
from monitor.evaluation import Evaluation
from monitor.incidents.incident import Incident
from monitor.incidents.rebaseline import Rebaseline
from monitor.store import folder as store_folder
from monitor.store import pruning, recording, schema, upgrade
from monitor.store import said as people
from monitor.store.connection import connect, explained, writing
from monitor.store.rows import (
    Told,
    WindowState,
    incident_from_json,
    row_to_evaluation,
    row_to_state,
    row_to_told,
)
from monitor.store.said import Acknowledgement, Feedback
from monitor.windows import Window

BUSY_TIMEOUT = timedelta(seconds=30)


class Store:
    """Evaluations, incidents and what was told, in `<folder>/recwatch.db`.

    One process writes, any number read. Each method is one transaction; threads may share a store. Every
    method raises StoreError when the file cannot be used: what, where, and what to do.

    >>> with Store.in_memory() as store:
    ...     store.recommenders()
    []
    """

    def __init__(
        self, engine: Engine, path: Path | None, busy_timeout: timedelta, *, read_only: bool
    ) -> None:
        self.path = path
        self.read_only = read_only
        self._engine = engine
        self._busy_timeout = busy_timeout
        self._lock = threading.RLock()
        self._file = _identity(path) if path else None

    @classmethod
    def open(cls, folder: Path, *, read_only: bool = False, busy_timeout: timedelta = BUSY_TIMEOUT) -> Store:
        """Open the store of a folder; unless `read_only`, make what is missing and migrate what is old.

        Raises
        ------
        StoreError
            When the folder or file cannot be used, is not ours, damaged, lost, or newer than this recwatch.
        """
        if not read_only:
            store_folder.prepare(folder)
        store_folder.check(folder, read_only=read_only)
        path = folder / store_folder.FILE
        engine = connect(path, read_only=read_only, busy_timeout=busy_timeout)
        try:
            with explained(path, busy_timeout):
                upgrade.bring_up_to_date(engine, path, read_only=read_only)
            if not read_only:
                store_folder.mark(folder)
            return cls(engine, path, busy_timeout, read_only=read_only)
        except BaseException:
            engine.dispose()
            raise

    @classmethod
    def in_memory(cls) -> Store:
        """A store that ends with the process: for backtests, and for tests."""
        engine = connect(None, read_only=False, busy_timeout=BUSY_TIMEOUT)
        with writing(engine).begin() as connection:
            upgrade.create(connection)
        return cls(engine, None, BUSY_TIMEOUT, read_only=False)

    def close(self) -> None:
        with self._lock:
            self._engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Writing

    def record(self, evaluation: Evaluation, *, keep_summaries: int = 48) -> None:
        """Write an evaluation, the incidents that it names and what people are told; many times is as once.

        `open_incidents` carries the state on: failed and empty windows, too, name what was open before them.
        A summary is kept while its window is among the newest `keep_summaries`; recording the window again
        without a summary keeps the one that is there.
        """
        with self._transaction(write=True) as connection:
            recording.write(connection, evaluation.recommender, [evaluation])
            recording.keep_newest_summaries(connection, evaluation.recommender, keep_summaries)

    def replace_after(self, recommender: str, evaluations: Sequence[Evaluation]) -> None:
        """Rewrite windows that were judged anew, in one transaction.

        Incidents that were last named in these windows and are named no more are removed if nobody was told
        of them, else resolved, and told as "retracted".

        Raises
        ------
        ValueError
            When an evaluation is of another recommender.
        """
        if any(e.recommender != recommender for e in evaluations):
            raise ValueError(f"evaluations of other recommenders than {recommender!r}")
        if evaluations:
            with self._transaction(write=True) as connection:
                recording.write(connection, recommender, evaluations)

    def prune(self, now: datetime, retention: timedelta) -> int:
        """Remove what ended before `now - retention`; returns the number of rows removed.

        Evaluations of any status, their summaries, and resolved incidents go; what was told, and the newest
        evaluation of each recommender (the state from which it goes on) stay twice as long. The file does not
        shrink: freed pages are used again.
        """
        with self._transaction(write=True) as connection:
            return pruning.prune(connection, now, retention)

    def forget_lists(self, now: datetime, keep: timedelta) -> int:
        """Empty the example lists of incidents that opened before `now - keep`; returns the number of incidents."""
        with self._transaction(write=True) as connection:
            return pruning.forget_lists(connection, now - keep)

    def acknowledge(self, said: Acknowledgement) -> None:
        """Write that somebody takes care of an incident."""
        with self._transaction(write=True) as connection:
            people.acknowledge(connection, said)

    def give_feedback(self, said: Feedback) -> None:
        """Write what somebody thought of an incident; of one person the last counts."""
        with self._transaction(write=True) as connection:
            people.give_feedback(connection, said)

    def rebaseline(self, said: Rebaseline) -> tuple[Rebaseline, tuple[Incident, ...]]:
        """Write a change that is meant; returns it as it is kept, and the incidents that it closes at once."""
        with self._transaction(write=True) as connection:
            return people.rebaseline(connection, said)

    # Reading

    def acknowledgements(self, ids: Iterable[str] | None = None) -> list[Acknowledgement]:
        """Of some incidents, or of all, in the order in which they were given."""
        with self._transaction() as connection:
            return people.acknowledgements(connection, ids)

    def feedback(self, ids: Iterable[str] | None = None) -> list[Feedback]:
        """On some incidents, or on all, in the order in which it was given."""
        with self._transaction() as connection:
            return people.feedback(connection, ids)

    def rebaselines(self, recommender: str | None = None) -> list[Rebaseline]:
        """Changes that are meant, in the order in which they were given."""
        with self._transaction() as connection:
            return people.rebaselines(connection, recommender)

    def count_rebaselines(self, recommender: str) -> int:
        """How many changes of a recommender are meant."""
        with self._transaction() as connection:
            return people.count_rebaselines(connection, recommender)

    def evaluation(self, recommender: str, window: Window) -> Evaluation | None:
        """The evaluation of one window, with its summary while that is kept."""
        table, summaries = schema.evaluations, schema.summaries
        summary = select(summaries.c.summary).where(
            summaries.c.recommender == recommender,
            summaries.c.window_start == window.start,
            summaries.c.window_end == window.end,
        )
        query = select(table).where(
            table.c.recommender == recommender,
            table.c.window_start == window.start,
            table.c.window_end == window.end,
        )
        with self._transaction() as connection:
            row = connection.execute(query).first()
            blob = connection.execute(summary).scalar_one_or_none()
        return row_to_evaluation(row, summary=blob) if row else None

    def evaluations(
        self,
        recommender: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
        newest_first: bool = False,
        with_findings: bool = True,
    ) -> list[Evaluation]:
        """Evaluations of the windows that start in [since, until), in window order; without summaries.

        `limit` counts from the side that comes first; `with_findings=False` leaves `findings` empty: fast.
        """
        table = schema.evaluations
        columns = [c for c in table.c if with_findings or c.name != "findings"]
        start = table.c.window_start
        query = select(*columns).where(table.c.recommender == recommender)
        query = (
            _between(query, start, since, until)
            .order_by(start.desc() if newest_first else start)
            .limit(limit)
        )
        with self._transaction() as connection:
            return [row_to_evaluation(row) for row in connection.execute(query)]

    def latest(self, recommender: str) -> Evaluation | None:
        """The evaluation of the newest window, without its summary."""
        return next(iter(self.evaluations(recommender, limit=1, newest_first=True)), None)

    def states(self, recommender: str, *, since: datetime | None = None) -> list[WindowState]:
        """What the scheduler needs to know of the windows that start at or after `since`, in window order."""
        c = schema.evaluations.c
        query = select(c.window_start, c.window_end, c.status, c.attempt, c.rows, c.files, c.evaluated_at)
        query = query.where(c.recommender == recommender).order_by(c.window_start)
        with self._transaction() as connection:
            rows = connection.execute(_between(query, c.window_start, since, None))
            return [row_to_state(row) for row in rows]

    def recommenders(self) -> list[str]:
        """Names of all recommenders that have an evaluation, sorted."""
        query = select(schema.evaluations.c.recommender).distinct()
        with self._transaction() as connection:
            return sorted(connection.execute(query).scalars())

    def incidents(
        self,
        recommender: str | None = None,
        *,
        open_only: bool = False,
        since: datetime | None = None,
        include_silent: bool = False,
    ) -> list[Incident]:
        """Incidents, newest opened first; `since` leaves out those that were resolved before it."""
        c = schema.incidents.c
        query = select(c.incident).order_by(c.opened_at.desc(), c.id)
        if recommender is not None:
            query = query.where(c.recommender == recommender)
        if open_only:
            query = query.where(c.resolved_at.is_(None))
        if since is not None:
            query = query.where(c.resolved_at.is_(None) | (c.resolved_at >= since))
        if not include_silent:
            query = query.where(~c.silent)
        with self._transaction() as connection:
            return [incident_from_json(document) for document in connection.execute(query).scalars()]

    def incident(self, id: str) -> Incident | None:
        """One incident, silent or not."""
        c = schema.incidents.c
        with self._transaction() as connection:
            document = connection.execute(select(c.incident).where(c.id == id)).scalar_one_or_none()
        return incident_from_json(document) if document else None

    def told(self, since: datetime | None = None) -> list[Told]:
        """What people were told from `since` on, in the order of telling."""
        c = schema.told.c
        query = _between(select(schema.told), c.at, since, None).order_by(c.id)
        with self._transaction() as connection:
            return [row_to_told(row) for row in connection.execute(query)]

    def bytes_read(self, recommender: str, day: date) -> int:
        """Bytes that all attempts of that day (UTC, when the work was done) read."""
        c = schema.bytes_read.c
        query = select(c.bytes).where(c.recommender == recommender, c.day == day.toordinal())
        with self._transaction() as connection:
            return connection.execute(query).scalar_one_or_none() or 0

    def summary(self, recommender: str, window: Window) -> bytes | None:
        """The summary of one window, None when it is not kept."""
        c = schema.summaries.c
        query = select(c.summary).where(
            c.recommender == recommender, c.window_start == window.start, c.window_end == window.end
        )
        with self._transaction() as connection:
            return connection.execute(query).scalar_one_or_none()

    def summaries(self, recommender: str, limit: int) -> dict[Window, bytes]:
        """Summaries of the newest windows, at most `limit`, in window order."""
        c = schema.summaries.c
        query = (
            select(c.window_start, c.window_end, c.summary)
            .where(c.recommender == recommender)
            .order_by(c.window_start.desc())
            .limit(limit)
        )
        with self._transaction() as connection:
            rows = connection.execute(query).all()
        return {Window(row.window_start, row.window_end): row.summary for row in reversed(rows)}

    @contextmanager
    def _transaction(self, *, write: bool = False) -> Iterator[Connection]:
        engine = writing(self._engine) if write else self._engine
        with self._lock, explained(self.path, self._busy_timeout):
            if self.path and _identity(self.path) != self._file:
                raise StoreError(
                    f"{self.path} was removed or replaced while recwatch used it: "
                    "what is stored now would be lost; restart recwatch"
                )
            with engine.begin() as connection:
                yield connection


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file the path leads to; SQLite goes on writing to a file that was unlinked."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _between(
    query: Select[Any], column: ColumnElement[datetime], since: datetime | None, until: datetime | None
) -> Select[Any]:
    if since is not None:
        query = query.where(column >= since)
    if until is not None:
        query = query.where(column < until)
    return query
