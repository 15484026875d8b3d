"""Downloads that take heavy libraries: each is made in a worker process of its own, which ends with it."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from monitor.daemon.calling import called
from monitor.daemon.process import WorkerProcess
from monitor.errors import RecwatchError, UserError

WRITE = "monitor.web.parquet:write"
NOT_MADE = "the Parquet file could not be made"
SECONDS = 60.0


class Downloads:
    """Makes one at a time, so that nobody fills the machine with workers by asking often.

    Parameters
    ----------
    folder : Path
        Of the store.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._making = folder, threading.Lock()

    def parquet(
        self, recommender: str, since: datetime, until: datetime, chosen: Mapping[str, str]
    ) -> BinaryIO:
        """Measurements as an open file that is gone when it is closed.

        Raises
        ------
        RecwatchError
            When another one is being made, or this one cannot be.
        """
        if not self._making.acquire(blocking=False):
            raise RecwatchError("a Parquet file is being made for somebody else: try again in a minute")
        try:
            handle, name = tempfile.mkstemp(prefix="recwatch-", suffix=".parquet")
            try:
                self._write(Path(name), recommender, since, until, dict(chosen))
                return os.fdopen(handle, "rb")
            except BaseException:
                os.close(handle)
                raise
            finally:
                os.unlink(name)
        except OSError as error:
            raise RecwatchError(f"{NOT_MADE}: {error.strerror}") from error
        except UserError as error:  # it is not who asks that is wrong
            raise RecwatchError(f"{NOT_MADE}: {error}") from error
        finally:
            self._making.release()

    def _write(self, path: Path, *asked: object) -> None:
        worker = WorkerProcess(WRITE)
        try:
            called(
                worker,
                NOT_MADE,
                WRITE,
                self._folder,
                path,
                *asked,
                seconds=SECONDS,
            )
        finally:
            worker.kill()
