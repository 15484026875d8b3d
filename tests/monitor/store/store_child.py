"""Run by tests as a process of its own: uses a store where the disk is small, may not be written, or ends in a kill."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

from sqlalchemy import Engine, event
from store_examples import evaluation, incident

from monitor.errors import StoreError
from monitor.evaluation import Evaluation
from monitor.store import StateLock, Store


def fill_disk(folder: Path, kind: str) -> dict[str, object]:
    """Record until the disk is full, make space, record again."""
    ballast = folder / "ballast"
    if kind == "tmpfs":  # in a mount namespace of this process
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)], check=True)
        ballast.write_bytes(bytes(300_000))
    else:
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, limits[1]))
    noise = random.Random(0)
    with Store.open(folder) as store:
        written: list[Evaluation] = []
        try:
            while True:
                k = len(written)
                next_one = evaluation(
                    k, summary=noise.randbytes(30_000), open_incidents=(incident(f"i{k}", opened=k),)
                )
                store.record(next_one)
                written.append(next_one)
        except StoreError as error:
            text = str(error)
        intact = [store.evaluation("shop", e.window) for e in written] == written
        told = len(store.told())

        if kind == "tmpfs":
            ballast.unlink()
        else:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        store.record(next_one)
        again = store.evaluation("shop", next_one.window) == next_one
    check = sqlite3.connect(folder / "recwatch.db")
    [sound] = check.execute("PRAGMA integrity_check").fetchone()
    check.close()
    return {"n": len(written), "text": text, "intact": intact, "told": told, "again": again, "sound": sound}


def die_while_recording(folder: Path, statement: int) -> None:
    """Be killed after the given statement of a record; small caches make SQLite write to the file before the commit."""
    with Store.open(folder) as store:
        count = 0

        @event.listens_for(Engine, "before_cursor_execute")
        def before(*args: object) -> None:
            nonlocal count
            if count == 0:
                args[1].execute("PRAGMA cache_size=1")  # type: ignore[attr-defined]  # the driver's cursor
            count += 1
            if count == statement:
                os.kill(os.getpid(), signal.SIGKILL)

        @event.listens_for(Engine, "commit")
        def commit(connection: object) -> None:
            if statement == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        store.record(
            evaluation(1, summary=random.Random(1).randbytes(100_000), open_incidents=(incident(closed=1),))
        )
    print("recorded", flush=True)


def without_leave(folder: Path, file_only: bool) -> list[str]:
    """Use a store without leave to write there; root gives up its rights first."""
    if file_only:
        Store.open(folder).close()
        (folder / "recwatch.db").chmod(0o444)
        folder.chmod(0o777)
    else:
        folder.chmod(0o555)
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    texts = []
    for use in (Store.open, lambda folder: StateLock(folder).__enter__()):
        try:
            use(folder)
        except StoreError as error:
            texts.append(str(error))
    return texts


if __name__ == "__main__":
    what, where, choice = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    match what:
        case "fill":
            print(json.dumps(fill_disk(where, choice)))
        case "die":
            die_while_recording(where, int(choice))
        case "leave":
            print(json.dumps(without_leave(where, choice == "file")))
