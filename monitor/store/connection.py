"""One connection to the store's file: how it is opened, and what SQLite's errors mean to a person."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from monitor.errors import StoreError

OTHER_PATH = "use another --storage.path"


def connect(path: Path | None, *, read_only: bool, busy_timeout: timedelta) -> Engine:
    """An engine with one connection, which the store guards with a lock; no path is a database in memory."""
    if path is None:
        uri = ":memory:"
    else:
        uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"

    def open_connection() -> sqlite3.Connection:
        # No isolation level: transactions begin where `begin` says, not where the driver guesses.
        connection = sqlite3.connect(
            uri, uri=True, timeout=busy_timeout.total_seconds(), isolation_level=None, check_same_thread=False
        )
        # Write-ahead logging loses data in SQLite before 3.51.3 when a reader comes at the wrong moment.
        pragmas = ["synchronous=FULL", "cell_size_check=ON", "trusted_schema=OFF"]
        if not read_only:
            pragmas.insert(0, "journal_mode=DELETE")
        try:
            for pragma in pragmas:
                connection.execute(f"PRAGMA {pragma}")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    engine = create_engine("sqlite://", creator=open_connection, poolclass=StaticPool)

    def begin(connection: Connection) -> None:
        # A writer takes its lock at once: waiting for it later, with reads done, cannot be granted.
        write = connection.get_execution_options().get("write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    event.listen(engine, "begin", begin)
    return engine


def writing(engine: Engine) -> Engine:
    """The same engine, for transactions that write."""
    return engine.execution_options(write=True)


@contextmanager
def explained(path: Path | None, busy_timeout: timedelta) -> Iterator[None]:
    """Turn errors of the database into a StoreError that says what, where and what to do."""
    try:
        yield
    except DBAPIError as error:
        raise StoreError(_explain(error.orig, path or "the store in memory", busy_timeout)) from error
    except sqlite3.Error as error:
        raise StoreError(_explain(error, path or "the store in memory", busy_timeout)) from error
    except (json.JSONDecodeError, zlib.error) as error:
        raise StoreError(_damaged(path or "the store in memory", error)) from error


def _explain(error: BaseException | None, where: Path | str, busy_timeout: timedelta) -> str:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if code in (sqlite3.SQLITE_READONLY_ROLLBACK, sqlite3.SQLITE_READONLY_RECOVERY):
        return (
            f"{where} was left in the middle of writing: "
            "start `recwatch run` or `recwatch once`, which brings it in order"
        )
    match code & 0xFF:  # the low byte is the kind, the rest its details
        case sqlite3.SQLITE_FULL:
            return (
                f"the disk of {where} is full: nothing of this was stored, what was there is intact; "
                "free some space"
            )
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return (
                f"{where} is locked by another process for more than {busy_timeout.total_seconds():g} s: "
                f"stop what writes there, or {OTHER_PATH}"
            )
        case sqlite3.SQLITE_NOTADB:
            return f"{where} is not a recwatch store (not an SQLite database): move it away, or {OTHER_PATH}"
        case sqlite3.SQLITE_CORRUPT:
            return _damaged(where, error)
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_AUTH:
            return (
                f"{where} cannot be opened for this ({error}): give the user that runs recwatch "
                f"leave to read and write there, or {OTHER_PATH}"
            )
        case _:
            return (
                f"{where} cannot be used ({error}): nothing of this was stored, what was there is intact; "
                "look at the disk"
            )


def _damaged(where: Path | str, error: BaseException | None) -> str:
    return (
        f"{where} is damaged ({error}): put a backup in its place, "
        "or move it away to start with an empty history"
    )
