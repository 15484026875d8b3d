"""A state that cannot be used says what, where and what to do; none is taken for an empty history."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from store_examples import evaluation, findings, incident, window

from monitor.errors import StoreError
from monitor.store import Store

SOON = timedelta(milliseconds=50)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store with ten evaluations of some size, closed."""
    with Store.open(tmp_path) as store:
        for k in range(10):
            store.record(evaluation(k, findings=findings(20, 20, seed=k), open_incidents=(incident(),)))
    return tmp_path


@pytest.fixture
def path(folder: Path) -> Path:
    return folder / "recwatch.db"


@pytest.fixture
def shell(path: Path) -> Iterator[sqlite3.Connection]:
    """Somebody else's connection to the store's file."""
    connection = sqlite3.connect(path, isolation_level=None)
    yield connection
    connection.close()


def refusal(folder: Path, *, read_only: bool = False) -> str:
    with pytest.raises(StoreError) as caught:
        Store.open(folder, read_only=read_only, busy_timeout=SOON)
    return str(caught.value)


def test_a_backup_made_while_the_store_is_written_is_its_history_in_any_folder(
    folder: Path, shell: sqlite3.Connection, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("backup")
    with Store.open(folder) as store:
        store.record(evaluation(10))
        with sqlite3.connect(elsewhere / "recwatch.db") as copy:
            shell.backup(copy)  # as `.backup` of the command sqlite3
        copy.close()
        store.record(evaluation(11))
        told = [e.window for e in store.evaluations(evaluation(0).recommender)]
    with Store.open(elsewhere) as restored:
        assert [e.window for e in restored.evaluations(evaluation(0).recommender)] == told[:-1]
        restored.record(evaluation(11))
    copied = (elsewhere / "recwatch.db").read_bytes()
    for left in folder.glob("recwatch.db*"):
        left.unlink()
    (folder / "recwatch.db").write_bytes(copied)
    with Store.open(folder) as back:
        assert [e.window for e in back.evaluations(evaluation(0).recommender)] == told


def test_folder_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    for folder in (tmp_path / "state", tmp_path / "state" / "deeper"):
        assert refusal(folder) == f"{folder} is not a folder: use another --storage.path"


def test_file_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "recwatch.db").mkdir()
    assert refusal(tmp_path) == (
        f"{tmp_path}/recwatch.db is a folder where the store's file should be: "
        "move it away, or use another --storage.path"
    )


@pytest.mark.parametrize("read_only", [False, True])
def test_text_is_no_store(tmp_path: Path, read_only: bool) -> None:
    (tmp_path / "recwatch.db").write_text("not a database" * 100)
    assert refusal(tmp_path, read_only=read_only) == (
        f"{tmp_path}/recwatch.db is not a recwatch store (not an SQLite database): "
        "move it away, or use another --storage.path"
    )
    assert (tmp_path / "recwatch.db").read_text() == "not a database" * 100


@pytest.mark.parametrize("read_only", [False, True])
def test_another_programs_database_is_no_store(tmp_path: Path, read_only: bool) -> None:
    theirs = sqlite3.connect(tmp_path / "recwatch.db")
    theirs.execute("CREATE TABLE evaluations (id)")
    theirs.close()
    assert refusal(tmp_path, read_only=read_only) == (
        f"{tmp_path}/recwatch.db is not a recwatch store (an SQLite database of another program): "
        "move it away, or use another --storage.path"
    )


def test_an_empty_file_is_new_where_no_history_was(tmp_path: Path) -> None:
    (tmp_path / "recwatch.db").touch()
    with Store.open(tmp_path) as store:
        assert store.recommenders() == []


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("lost", ["empty", "missing"])
def test_a_lost_history_is_not_an_empty_one(folder: Path, path: Path, lost: str, read_only: bool) -> None:
    path.unlink()
    if lost == "empty":
        path.touch()
    assert refusal(folder, read_only=read_only) == (
        f"the history is gone: {path} is {lost}, but {folder}/recwatch.mark says that there was one: "
        f"put a backup in its place, or remove {folder}/recwatch.mark to start with an empty history"
    )
    (folder / "recwatch.mark").unlink()
    Store.open(folder).close()


def test_the_mark_comes_back_with_the_next_opening(folder: Path) -> None:
    (folder / "recwatch.mark").unlink()
    Store.open(folder).close()
    assert "recwatch.db" in (folder / "recwatch.mark").read_text()


def test_reading_where_nothing_was_recorded(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none", read_only=True) == (
        f"no store at {tmp_path}/none/recwatch.db: nothing was recorded there yet; "
        "start `recwatch run` or `recwatch once`, or use another --storage.path"
    )
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("read_only", [False, True])
def test_a_truncated_file_is_damaged(folder: Path, path: Path, read_only: bool) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 8192 * 4096)
    assert refusal(folder, read_only=read_only) == (
        f"{path} is damaged (database disk image is malformed): put a backup in its place, "
        "or move it away to start with an empty history"
    )


def test_a_page_of_garbage_is_damage_wherever_it_lies(folder: Path, path: Path) -> None:
    """Every page in turn: what is read is right, or it is an error; never a traceback, never something else."""

    def everything(store: Store) -> tuple[object, ...]:
        kept, said = store.summaries("shop", 1000), (store.acknowledgements(), store.rebaselines())
        return store.evaluations("shop"), store.incidents(), store.told(), store.states("shop"), kept, said

    good = path.read_bytes()
    with Store.open(folder, read_only=True) as store:
        before = everything(store)
    noise = random.Random(0)
    errors: list[str] = []
    for page in range(0, len(good), 4096):
        path.write_bytes(good[:page] + noise.randbytes(4096) + good[page + 4096 :])
        try:
            with Store.open(folder, read_only=True) as store:
                after = everything(store)
            assert after == before
        except StoreError as error:
            errors.append(str(error))
    assert len(errors) > 0.8 * len(good) / 4096
    assert all(str(path) in text or "cannot be read" in text for text in errors)


def test_a_newer_schema_is_refused(folder: Path, path: Path, shell: sqlite3.Connection) -> None:
    shell.execute("UPDATE alembic_version SET version_num = '0007'")
    for read_only in (False, True):
        assert refusal(folder, read_only=read_only) == (
            f"{path} was written by a newer recwatch (schema 7, this one knows 4): "
            "upgrade, or use another --storage.path"
        )


def test_an_older_schema_is_not_read(folder: Path, path: Path, shell: sqlite3.Connection) -> None:
    shell.execute("UPDATE alembic_version SET version_num = '0000'")
    assert refusal(folder, read_only=True) == (
        f"{path} was written by an older recwatch (schema 0, this one reads 4): "
        "start `recwatch run` or `recwatch once` to bring it up to date"
    )


def test_another_process_holds_the_file(folder: Path, path: Path, shell: sqlite3.Connection) -> None:
    text = (
        f"{path} is locked by another process for more than 0.05 s: "
        "stop what writes there, or use another --storage.path"
    )
    with Store.open(folder, busy_timeout=SOON) as store:
        shell.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError) as caught:
            store.record(evaluation(10))
        assert str(caught.value) == text
        assert refusal(folder) == text

        shell.execute("ROLLBACK")
        store.record(evaluation(10))
        assert store.latest("shop") == evaluation(10)


@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_is_taken_away_is_noticed(folder: Path, path: Path, replaced: bool) -> None:
    with Store.open(folder) as store:
        content = path.read_bytes()
        path.rename(folder / "elsewhere.db")
        if replaced:
            path.write_bytes(content)
        for use in (lambda: store.record(evaluation(10)), lambda: store.latest("shop")):
            with pytest.raises(StoreError) as caught:
                use()
            assert str(caught.value) == (
                f"{path} was removed or replaced while recwatch used it: "
                "what is stored now would be lost; restart recwatch"
            )


def test_a_reader_writes_nothing(folder: Path, path: Path) -> None:
    before = path.read_bytes()
    with Store.open(folder, read_only=True) as store:
        with pytest.raises(StoreError) as caught:
            store.record(evaluation(10))
        assert str(caught.value) == (
            f"{path} cannot be opened for this (attempt to write a readonly database): "
            "give the user that runs recwatch leave to read and write there, or use another --storage.path"
        )
        assert store.latest("shop") == evaluation(
            9, findings=findings(20, 20, seed=9), open_incidents=(incident(),)
        )
    assert path.read_bytes() == before


def test_readers_read_while_the_daemon_writes(folder: Path) -> None:
    with Store.open(folder) as writer, Store.open(folder, read_only=True) as reader:
        for k in range(10, 13):
            writer.record(evaluation(k))
            assert reader.latest("shop") == evaluation(k)


def test_threads_share_a_store(folder: Path) -> None:
    with Store.open(folder) as store, ThreadPoolExecutor(4) as pool:
        for k in range(10, 40):
            pool.submit(store.record, evaluation(k, open_incidents=(incident(),)))
        readings = [pool.submit(store.evaluations, "shop") for _ in range(10)]
        assert all(10 <= len(reading.result()) <= 40 for reading in readings)
    with Store.open(folder, read_only=True) as store:
        assert [state.window for state in store.states("shop")] == [window(k) for k in range(40)]


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "a ?b#c%20d é"
    with Store.open(folder) as store:
        store.record(evaluation(0))
    with Store.open(folder, read_only=True) as store:
        assert store.evaluation("shop", window(0)) == evaluation(0)
    assert {p.name for p in folder.iterdir()} == {"recwatch.db", "recwatch.mark"}
