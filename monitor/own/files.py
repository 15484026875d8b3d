"""Detectors from files and folders that a configuration names."""

from __future__ import annotations

import ctypes
import inspect
import os
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from zlib import crc32

from detectors.core.detector import Detector
from monitor.config.problems import shown
from monitor.errors import UserError

LOADING_SECONDS = 60.0  # a file of detectors imports what it needs, which may be large


class BadFile(ValueError):
    """A file that detectors cannot be taken from; says which, and in which line."""


class TooLong(BaseException):
    """Raised inside somebody's code that does not come to its end; `except Exception` there does not stop it."""


def load_files(paths: Iterable[str]) -> Mapping[str, type[Detector]]:
    """The detectors in files, and in the .py files of folders but those named test_* and _*, by name.

    Raises
    ------
    BadFile
        When there is no such file, it raises, it holds no detector, or two are called the same.
    """
    found: dict[str, type[Detector]] = {}
    for path in paths:
        for file in _files(path):
            for kind in _detectors_in(file):
                if kind.name in found and found[kind.name] is not kind:
                    other = inspect.getfile(found[kind.name])
                    raise BadFile(f"{file}: {shown(kind.name)} is the name of a detector in {other} too")
                found[kind.name] = kind
    return found


def names_in(path: str) -> tuple[str, ...]:
    """Names of the detectors in a file or folder.

    Raises
    ------
    UserError
        When none can be taken from it.
    """
    try:
        return tuple(load_files([path]))
    except BadFile as error:
        raise UserError(str(error)) from error


def _files(path: str) -> list[str]:
    if os.path.isdir(path):
        names = sorted(
            n for n in os.listdir(path) if n.endswith(".py") and not n.startswith(("test_", "_", "."))
        )
        if not names:
            raise BadFile(f"{path}: holds no .py file; recwatch detectors new writes one")
        return [os.path.join(path, name) for name in names]
    if not os.path.exists(path):
        raise BadFile(f"{path}: no such file; recwatch detectors new writes one")
    return [path]


def _detectors_in(file: str) -> tuple[type[Detector], ...]:
    state = os.stat(file)
    return _loaded(file, state.st_mtime_ns, state.st_size)


@cache
def _loaded(file: str, modified: int, size: int) -> tuple[type[Detector], ...]:
    """The detectors that one version of a file defines."""
    module = ModuleType(f"recwatch_own_{Path(file).stem}_{crc32(file.encode()):08x}")
    module.__file__ = file
    sys.modules[module.__name__] = module  # where dataclasses look annotations up
    try:
        code = compile(Path(file).read_bytes(), file, "exec")
        with at_most(LOADING_SECONDS):
            exec(code, module.__dict__)  # as importing does, without leaving compiled files beside it
    except SyntaxError as error:
        raise BadFile(f"{error.filename or file}:{error.lineno}: {error.msg}") from error
    except TooLong as error:
        raise BadFile(f"{_where(error, file)}: was still not loaded after {LOADING_SECONDS:g} s") from error
    except (Exception, SystemExit) as error:  # whatever it raises is told, not a traceback
        raise BadFile(f"{_where(error, file)}: {type(error).__name__}: {error}") from error
    found = [
        kind
        for kind in vars(module).values()
        if isinstance(kind, type)
        and issubclass(kind, Detector)
        and kind.__module__ == module.__name__
        and not kind.__abstractmethods__
        and hasattr(kind, "name")
    ]
    if not found:
        raise BadFile(
            f"{file}: defines no detector: decorate a function with @share_of_rows or another door of `detectors`, "
            "or derive a class from detectors.Detector"
        )
    return tuple(dict.fromkeys(found))


def _where(error: BaseException, file: str) -> str:
    own = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    return f"{file}:{own[-1]}" if own else file


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Ends what this thread does by `TooLong` when it takes longer, as nothing else ends a loop in somebody's module.

    References
    ----------
    Python/C API Reference, `PyThreadState_SetAsyncExc`.
    """
    thread, lock, over = threading.get_ident(), threading.Lock(), False

    def stop() -> None:
        with lock:
            if not over:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(TooLong))

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        with lock:
            over = True
        timer.cancel()
