"""Full disks, kills and missing leave, each in a process of its own: all of a record is there, or nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from store_examples import evaluation, incident

from monitor.errors import StoreError
from monitor.store import Store

CHILD = [sys.executable, str(Path(__file__).with_name("store_child.py"))]


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True)


def small_disk() -> tuple[str, list[str]]:
    """How to get one here: a file system of 1 MB, where this user may mount; else a limit on the size of files."""
    namespace = ["unshare", "--mount"] if os.getuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    probe = [*namespace, "mount", "-t", "tmpfs", "-o", "size=1m", "none", "/mnt"]
    if shutil.which("unshare") and run(*probe).returncode == 0:
        return "tmpfs", namespace
    return "limit", []


FULL = {
    "tmpfs": "the disk of {} is full: nothing of this was stored, what was there is intact; free some space",
    "limit": (
        "{} cannot be used (disk I/O error): nothing of this was stored, what was there is intact; look at the disk"
    ),
}


@pytest.mark.parametrize("disk", [small_disk(), ("limit", [])], ids=["smallest disk to be had", "file limit"])
def test_a_full_disk_loses_nothing_and_passes(tmp_path: Path, disk: tuple[str, list[str]]) -> None:
    kind, namespace = disk
    done = run(*namespace, *CHILD, "fill", str(tmp_path), kind)
    assert done.stderr == ""
    told = json.loads(done.stdout)
    assert told["text"] == FULL[kind].format(tmp_path / "recwatch.db")
    assert told["n"] > 3
    assert (told["intact"], told["told"], told["again"], told["sound"]) == (True, told["n"], True, "ok")


@pytest.mark.parametrize("statement", range(12))
def test_a_kill_while_recording_leaves_all_or_nothing(tmp_path: Path, statement: int) -> None:
    """Statement 0 stands for the moment before the commit."""
    with Store.open(tmp_path) as store:
        store.record(evaluation(0, open_incidents=(incident(),), summary=bytes(100_000)))
    done = run(*CHILD, "die", str(tmp_path), str(statement))
    if statement == 0:  # a reader may not undo what is half written
        with pytest.raises(StoreError) as caught:
            Store.open(tmp_path, read_only=True)
        assert str(caught.value) == (
            f"{tmp_path}/recwatch.db was left in the middle of writing: "
            "start `recwatch run` or `recwatch once`, which brings it in order"
        )
    with Store.open(tmp_path) as store:
        told = [t.what for t in store.told()]
        if done.stdout == "recorded\n":
            assert (len(store.evaluations("shop")), len(store.summaries("shop", 9))) == (2, 2)
            assert told == ["opened", "resolved"]
            assert store.incidents() == [incident(closed=1)]
        else:
            assert done.returncode == -signal.SIGKILL
            assert (len(store.evaluations("shop")), len(store.summaries("shop", 9))) == (1, 1)
            assert told == ["opened"]
            assert store.incidents() == [incident()]


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that another user can reach; pytest's own are private."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    (folder / "state").mkdir()
    yield folder / "state"
    (folder / "state").chmod(0o755)
    shutil.rmtree(folder)


NO_LEAVE = "give the user that runs recwatch leave to write there, or use another --storage.path"


def test_a_folder_without_leave_to_write(reachable: Path) -> None:
    done = run(*CHILD, "leave", str(reachable), "folder")
    assert json.loads(done.stdout) == [
        f"cannot write in {reachable}: no leave, or a read-only file system; {NO_LEAVE}",
        f"cannot write in {reachable}: Permission denied; {NO_LEAVE}",
    ]


def test_a_file_without_leave_to_write(reachable: Path) -> None:
    done = run(*CHILD, "leave", str(reachable), "file")
    assert json.loads(done.stdout) == [
        f"cannot write in {reachable}/recwatch.db: no leave, or a read-only file system; {NO_LEAVE}"
    ]
