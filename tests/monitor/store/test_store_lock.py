"""One daemon, and one only, works on a state folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from store_examples import START

from monitor.errors import StoreError
from monitor.store import StateLock


def test_a_second_daemon_is_refused_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "made for it"
    with StateLock(folder, since=START):
        with pytest.raises(StoreError) as caught, StateLock(folder):
            pass
        assert str(caught.value) == (
            f"another recwatch (pid {os.getpid()}, since 2026-03-02T00:00:00+00:00) works on {folder}; "
            "stop it or use another --storage.path"
        )
    with StateLock(folder, since=START):
        pass


def test_the_lock_ends_with_its_process(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from monitor.store import StateLock\n"
        "with StateLock(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(StoreError, match=rf"another recwatch \(pid {holder.pid}, since "),
            StateLock(tmp_path),
        ):
            pass
        holder.kill()
    with StateLock(tmp_path):
        pass


def test_a_child_of_the_daemon_does_not_keep_the_lock(tmp_path: Path) -> None:
    program = [sys.executable, "-c", "print('up', flush=True); input()"]
    with StateLock(tmp_path):
        child = subprocess.Popen(
            program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, close_fds=False
        )
        assert child.stdout
        assert child.stdout.readline() == b"up\n"
    with child, StateLock(tmp_path):
        child.kill()


def test_a_file_in_the_folders_place(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(StoreError) as caught, StateLock(tmp_path / "state"):
        pass
    assert str(caught.value) == f"{tmp_path}/state is not a folder: use another --storage.path"
