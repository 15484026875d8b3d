"""Files of detectors are loaded in a worker before they are loaded here: what they take along then is the worker."""

from __future__ import annotations

from pathlib import Path

from monitor.config.loader import load
from monitor.config.models import Config
from monitor.daemon.calling import MEMORY, called
from monitor.daemon.once import INSPECT
from monitor.daemon.pool import START_SECONDS as SECONDS
from monitor.daemon.process import WorkerProcess
from monitor.detector_settings import check_detectors

LOAD = "monitor.own.files:names_in"
NAMES_FILES = b"detector_files"  # the key without which a configuration loads nobody's files


def checked(path: Path) -> Config:
    """A configuration whose detectors are checked, and can be loaded in this process.

    Raises
    ------
    UserError
        When anything in it is wrong.
    RecwatchError
        When a file that it names ends its process, hangs, or takes more memory than a worker may.
    """
    if path.is_file() and NAMES_FILES in path.read_bytes():
        _in_worker("the configuration could not be checked", INSPECT, str(path))
    return load(path, check_detectors)


def contain(file: str) -> None:
    """See that a file or folder of detectors can be loaded in this process.

    Raises
    ------
    UserError
        When no detectors can be taken from it.
    RecwatchError
        When it ends its process, hangs, or takes more memory than a worker may.
    """
    _in_worker(f"{file} could not be loaded", LOAD, file)


def _in_worker(what: str, function: str, argument: str) -> None:
    worker = WorkerProcess(function)
    try:
        called(worker, what, function, argument, seconds=SECONDS, memory=MEMORY)
    finally:
        worker.kill()
