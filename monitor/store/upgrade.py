"""From whatever lies in the file to the newest schema: make it, check it, or migrate it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, insert, select

from monitor.errors import StoreError
from monitor.store import schema
from monitor.store.connection import OTHER_PATH, writing

MIGRATIONS = Path(__file__).parent / "migrations"


def bring_up_to_date(engine: Engine, path: Path, *, read_only: bool) -> None:
    """Make an empty database a store, and an old store a new one.

    Raises
    ------
    StoreError
        When that cannot or must not be done.
    """
    with engine.begin() as connection:  # reading only: opening a good store waits for no writer
        empty = is_empty(connection)
        found = schema.SCHEMA if empty and not read_only else check_version(connection, path)
    if read_only and found < schema.SCHEMA:
        raise StoreError(
            f"{path} was written by an older recwatch (schema {found}, this one reads {schema.SCHEMA}): "
            "start `recwatch run` or `recwatch once` to bring it up to date"
        )
    if empty or found < schema.SCHEMA:
        with writing(engine).begin() as connection:
            if is_empty(connection):
                create(connection)
            elif check_version(connection, path) < schema.SCHEMA:
                migrate(connection)


def is_empty(connection: Connection) -> bool:
    """Whether nothing was ever made in the database."""
    return not connection.exec_driver_sql("SELECT 1 FROM sqlite_master LIMIT 1").first()


def create(connection: Connection) -> None:
    """Make the newest schema in an empty database: what all migrations make, without importing Alembic."""
    connection.exec_driver_sql(f"PRAGMA application_id={schema.APPLICATION_ID}")
    schema.metadata.create_all(connection)
    schema.version.metadata.create_all(connection)
    connection.execute(insert(schema.version).values(version_num=schema.revision(schema.SCHEMA)))


def check_version(connection: Connection, path: Path) -> int:
    """The schema version of the store.

    Raises
    ------
    StoreError
        When the file is another program's, or was written by a newer recwatch.
    """
    application: int = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
    if application != schema.APPLICATION_ID:
        raise StoreError(
            f"{path} is not a recwatch store (an SQLite database of another program): "
            f"move it away, or {OTHER_PATH}"
        )
    found = int(connection.execute(select(schema.version.c.version_num)).scalar_one())
    if found > schema.SCHEMA:
        raise StoreError(
            f"{path} was written by a newer recwatch (schema {found}, this one knows {schema.SCHEMA}): "
            f"upgrade, or {OTHER_PATH}"
        )
    return found


def migrate(connection: Connection, revision: str = "head") -> None:
    """Bring the store to a revision, inside the transaction of `connection`: all of it or nothing."""
    from alembic import command  # here, because it costs 10 MB and 0.2 s and is seldom needed
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
