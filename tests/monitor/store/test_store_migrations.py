"""Old stores become new ones, with what they hold; new ones never become old."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine
from store_examples import evaluation, incident

from monitor.errors import StoreError
from monitor.store import Store, schema, upgrade
from monitor.store.connection import connect, writing
from monitor.store.store import BUSY_TIMEOUT

SCRIPTS = ScriptDirectory(str(upgrade.MIGRATIONS))
REVISIONS = [script.revision for script in reversed(list(SCRIPTS.walk_revisions()))]


def memory() -> Engine:
    return writing(connect(None, read_only=False, busy_timeout=BUSY_TIMEOUT))


def layout(connection: Connection) -> tuple[set[tuple[str, ...]], int]:
    """Tables with their columns, indices with theirs, and the file's owner."""
    tables = connection.exec_driver_sql(
        'SELECT m.name, c.name, c.type, c.pk, c."notnull" AND NOT c.pk '
        "FROM sqlite_master m, pragma_table_info(m.name) c"
    )
    indices = connection.exec_driver_sql(
        'SELECT m.name, l."unique", c.name '
        "FROM sqlite_master m, pragma_index_list(m.name) l, pragma_index_info(l.name) c"
    )
    owner: int = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
    return {tuple(map(str, row)) for row in [*tables, *indices]}, owner


def test_revisions_are_numbered_and_the_last_is_the_schema() -> None:
    assert [schema.revision(n + 1) for n in range(schema.SCHEMA)] == REVISIONS
    assert SCRIPTS.get_heads() == [schema.revision(schema.SCHEMA)]


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_schema_is_brought_to_the_newest(revision: str) -> None:
    with memory().begin() as connection:
        upgrade.migrate(connection, revision)
        upgrade.migrate(connection)
        migrated = layout(connection)
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
    with memory().begin() as connection:
        upgrade.create(connection)
        assert layout(connection) == migrated


def test_the_first_schema_is_what_it_was() -> None:
    """Stores with it are out there, so a change belongs into a new migration."""
    with memory().begin() as connection:
        upgrade.migrate(connection, "0001")
        columns = {
            table: " ".join(row[1] for row in connection.exec_driver_sql(f"PRAGMA table_info({table})"))
            for table in ("evaluations", "summaries", "incidents", "told", "bytes_read")
        }
    assert columns == {
        "evaluations": (
            "id recommender window_start window_end status attempt told_at evaluated_at rows bytes_read "
            "sampling_rate reason seconds failures cannot_measure read open_incidents files findings"
        ),
        "summaries": "recommender window_start window_end summary",
        "incidents": "id recommender opened_at resolved_at silent mentioned_in incident",
        "told": "id incident_id recommender what at severity",
        "bytes_read": "recommender day bytes",
    }


def test_going_back_is_refused() -> None:
    config = Config()
    config.set_main_option("script_location", str(upgrade.MIGRATIONS))
    with memory().begin() as connection:
        upgrade.migrate(connection)
        config.attributes["connection"] = connection
        with pytest.raises(
            NotImplementedError, match="never taken back to an older schema: restore a backup"
        ):
            command.downgrade(config, "base")


NEXT = """\
import sqlalchemy as sa
from alembic import op

revision, down_revision = "{next}", "{head}"


def upgrade():
    op.add_column("evaluations", sa.Column("note", sa.Text, nullable=False, server_default="old"))
    op.execute("{then}")
"""


def release_next(monkeypatch: pytest.MonkeyPatch, folder: Path, *, then: str) -> None:
    """Make this the next release of recwatch, which has one more migration."""
    head, following = schema.revision(schema.SCHEMA), schema.revision(schema.SCHEMA + 1)
    shutil.copytree(upgrade.MIGRATIONS, folder)
    script = NEXT.format(next=following, head=head, then=then)
    (folder / "versions" / f"r{following}_next.py").write_text(script)
    monkeypatch.setattr(upgrade, "MIGRATIONS", folder)
    monkeypatch.setattr(schema, "SCHEMA", schema.SCHEMA + 1)


def columns_of(folder: Path) -> list[str]:
    connection = sqlite3.connect(folder / "recwatch.db")
    names = [row[1] for row in connection.execute("PRAGMA table_info(evaluations)")]
    connection.close()
    return names


def test_the_next_release_migrates_a_store_when_it_opens_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = evaluation(0, open_incidents=(incident(),), summary=b"s")
    with Store.open(tmp_path / "state") as store:
        store.record(written)
    release_next(monkeypatch, tmp_path / "100% next", then="SELECT 1")

    for _ in range(2):
        with Store.open(tmp_path / "state") as store:
            assert store.evaluation("shop", written.window) == written
            assert len(store.told()) == 1
        assert columns_of(tmp_path / "state")[-1] == "note"


def test_a_migration_that_fails_leaves_the_store_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(tmp_path / "state") as store:
        store.record(evaluation(0))
    before = (tmp_path / "state" / "recwatch.db").read_bytes()
    with monkeypatch.context() as next_release:
        release_next(next_release, tmp_path / "next", then="SELECT broken")
        with pytest.raises(StoreError, match=r"recwatch\.db cannot be used \(no such column: broken\)"):
            Store.open(tmp_path / "state")
    assert (tmp_path / "state" / "recwatch.db").read_bytes() == before
    with Store.open(tmp_path / "state") as store:
        assert store.latest("shop") == evaluation(0)


def test_alembic_is_imported_only_to_migrate(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from monitor.store import Store\n"
        "for _ in range(2): Store.open(Path(sys.argv[1])).close()\n"
        "print('alembic' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert run.stdout == "False\n"
