"""The store's folder: its file, and the mark that tells a lost history from one that never was."""

from __future__ import annotations

import os
from pathlib import Path

from monitor.errors import StoreError
from monitor.store.connection import OTHER_PATH

FILE = "recwatch.db"
MARK = "recwatch.mark"
MARK_TEXT = """\
recwatch keeps the history of this folder in recwatch.db. While this file is here, an empty or missing
recwatch.db means that the history was lost. Remove this file to start with an empty history.
"""


def prepare(folder: Path) -> None:
    """Make the folder.

    Raises
    ------
    StoreError
        When it cannot be made, or is a file.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise StoreError(f"{folder} is not a folder: {OTHER_PATH}") from None
    except OSError as error:
        raise cannot_write(folder, error.strerror) from error


def check(folder: Path, *, read_only: bool) -> None:
    """Look at the file before SQLite does.

    Raises
    ------
    StoreError
        When a folder is in the file's place, when the file that was there is empty or gone, or when there is
        nothing to read.
    """
    path = folder / FILE
    try:
        if path.is_dir():
            raise StoreError(
                f"{path} is a folder where the store's file should be: move it away, or {OTHER_PATH}"
            )
        new = not path.exists() or path.stat().st_size == 0
        if new and (folder / MARK).exists():
            what = "empty" if path.exists() else "missing"
            raise StoreError(
                f"the history is gone: {path} is {what}, but {folder / MARK} says that there was one: "
                f"put a backup in its place, or remove {folder / MARK} to start with an empty history"
            )
    except OSError as error:
        raise StoreError(f"cannot look at {path}: {error.strerror}") from error
    if not read_only:
        # SQLite would open a file that it may only read, and say so at the first write.
        for place in [folder] if new else [folder, path]:
            if not os.access(place, os.W_OK):
                raise cannot_write(place, "no leave, or a read-only file system")
    elif new:
        raise StoreError(
            f"no store at {path}: nothing was recorded there yet; "
            f"start `recwatch run` or `recwatch once`, or {OTHER_PATH}"
        )


def mark(folder: Path) -> None:
    """Leave the mark that a history is kept here."""
    path = folder / MARK
    try:
        if not path.exists():
            path.write_text(MARK_TEXT)
    except OSError as error:
        raise cannot_write(folder, error.strerror) from error


def cannot_write(place: Path, why: str | None) -> StoreError:
    """The error of a folder or file without leave to write, or without space."""
    return StoreError(
        f"cannot write in {place}: {why}; "
        f"give the user that runs recwatch leave to write there, or {OTHER_PATH}"
    )
