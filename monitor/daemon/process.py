"""A worker process as the parent sees it: started, talked to over a pipe, asked where it hangs, killed.

A fresh interpreter each time, never a fork of the threaded parent. This module imports nothing heavy, so that
a command can start its worker first and do its own imports while the worker does the slow ones.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from monitor.daemon.vectors import without_slow_sorts

CYCLE = "monitor.cycle:run_cycle"
HISTORY = "monitor.history:run_history"
DUMP_SECONDS = 1.0  # for a hung process to say where it is
KILL_SECONDS = 5.0

# The child has the parent's import path, whatever its start-up files do, and not the current folder.
BOOTSTRAP = "import sys; sys.path[:] = {path!r}; from monitor.daemon.worker import main; main(*{arguments!r})"

FRAME = re.compile(r'^  File "(?P<path>.*)", line (?P<line>\d+) in (?P<function>.*)$', re.MULTILINE)
THREAD = re.compile(r"^(?:Current thread|Thread) 0x.*$", re.MULTILINE)
MAKES_STATISTIC = re.compile(r'/monitor/engine/guard\.py", line \d+ in __call__$', re.MULTILINE)
MAIN = re.compile(r'/monitor/daemon/worker\.py", line \d+ in _serve$', re.MULTILINE)
LIBRARY = re.compile(r"/lib/python3\.\d+/(?!site-packages/)|/site-packages/(numpy|scipy|pyarrow)/|^<frozen")


@dataclass(frozen=True)
class Death:
    """How a worker ended: its return code (negative for a signal), and what it wrote down while dying."""

    code: int
    words: str = ""

    @property
    def from_outside(self) -> bool:
        """Whether somebody asked it to end, so that what it was doing is not to blame."""
        return self.code in (-signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP)

    def __str__(self) -> str:
        if self.code >= 0:
            how = f"ended by itself with exit code {self.code}"
        elif self.code == -signal.SIGKILL:
            how = "was killed by SIGKILL, as a machine out of memory does"
        else:
            how = f"died of {signal.Signals(-self.code).name}"
        return how + (f" ({self.words})" if self.words else "")


class WorkerProcess:
    """One worker process and the parent's ends of its pipes.

    Parameters
    ----------
    cycle : str
        What the worker runs for a `Job`, as `module:function`; imported at its start.
    threads : int or None
        Threads for numerical libraries; None leaves it to them.

    Raises
    ------
    OSError
        When the system has no room for another process.
    """

    def __init__(self, cycle: str = CYCLE, threads: int | None = None) -> None:
        ours, theirs = socket.socketpair()
        lifeline, self._lifeline = os.pipe()
        self._notes = tempfile.TemporaryFile()  # noqa: SIM115 (closed by `close`)
        self.ready = False  # whether it was heard to have imported what it needs
        self._code: int | None = None
        self._death: Death | None = None
        self.connection = Connection(ours.detach())
        passed = (theirs.fileno(), lifeline, self._notes.fileno())
        try:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-c",
                    BOOTSTRAP.format(path=sys.path, arguments=(*passed, cycle)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._notes,
                pass_fds=passed,
                env=_environment(threads),
                process_group=0,  # Ctrl-C is the parent's business; what a worker starts is killed with it
            )
        except OSError:
            self._close_pipes()
            self._notes.close()
            raise
        finally:
            theirs.close()
            os.close(lifeline)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._code is None and self._status() is None

    def send(self, message: Any) -> bool:
        """Send; False when the worker is no longer there to listen."""
        try:
            self.connection.send(message)
        except OSError:
            return False
        return True

    def resident_bytes(self) -> int:
        """Memory in use; 0 when the process is gone or the system does not say."""
        try:
            pages = int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1])
        except (OSError, ValueError, IndexError):
            return 0
        return pages * os.sysconf("SC_PAGE_SIZE")

    def where(self) -> str:
        """Ask a hung worker for its place, `file.py:12 in function`; works when it runs no Python either."""
        before = len(self._noted())
        try:
            self._process.send_signal(signal.SIGUSR1)
        except ProcessLookupError:
            return ""
        end = time.monotonic() + DUMP_SECONDS
        while self.alive and time.monotonic() < end and not is_whole(self._noted()[before:]):
            time.sleep(0.02)
        return innermost(self._noted()[before:]) if self.alive else ""

    def kill(self) -> Death:
        """Kill the worker with everything that it started."""
        self.kill_group()
        return self.close()

    def close(self) -> Death:
        """Let an idle worker end, or bury a dead one."""
        if self._death is not None:
            return self._death
        self._close_pipes()
        end = time.monotonic() + KILL_SECONDS
        while self.alive and time.monotonic() < end:
            time.sleep(0.002)
        self.kill_group()  # before the process is reaped: only then is the group surely still its own
        try:
            self._code = self._process.wait(KILL_SECONDS)
        except subprocess.TimeoutExpired:  # stuck in the kernel, on a dead file server for instance
            self._death = Death(-signal.SIGKILL, "the kernel does not let it end")
        else:
            self._death = Death(self._code, last_words(self._noted()))
        self._notes.close()
        return self._death

    def _noted(self) -> str:
        return os.pread(self._notes.fileno(), 64 * 1024, 0).decode("utf-8", "replace")

    def _status(self) -> object:
        """None while it runs; looking does not reap it."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)

    def _close_pipes(self) -> None:
        if not self.connection.closed:
            self.connection.close()
            os.close(self._lifeline)

    def kill_group(self) -> None:
        """Kill without waiting."""
        if self._code is not None:
            return
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


def is_whole(dump: str) -> bool:
    """Whether all threads have said where they are: the main one, and what it was called by, come last.

    >>> is_whole("Thread 0x1 (most recent call first):")
    False
    """
    return bool(MAIN.search(dump))


def innermost(dump: str) -> str:
    """The innermost place of a faulthandler dump outside the standard and numerical libraries.

    Of several threads, in the one that makes a statistic, else in the main one.
    """
    frames = list(FRAME.finditer(_telling_thread(dump)))
    ours = [m for m in frames if not LIBRARY.search(m["path"])]
    for frame in (ours or frames)[:1]:
        return f"{frame['path'].rpartition('/')[2]}:{frame['line']} in {frame['function']}"
    return ""


def _telling_thread(dump: str) -> str:
    threads = THREAD.split(dump)
    for frame in MAKES_STATISTIC, MAIN:
        for thread in threads:
            if frame.search(thread):
                return thread
    return dump


def last_words(notes: str) -> str:
    """The fatal error that a dead worker wrote down, and its place; empty when it had no time to.

    >>> last_words('Fatal Python error: Segmentation fault\\n\\n  File "/a/b.py", line 3 in f')
    'segmentation fault at b.py:3 in f'
    """
    fatal = re.search(r"^Fatal Python error: (.*)$", notes, re.MULTILINE)
    return f"{fatal[1].lower()} at {innermost(notes[fatal.start() :])}" if fatal else ""


def _environment(threads: int | None) -> dict[str, str]:
    """Parallelism is the engine's: libraries must not multiply it by the number of cores. One allocator for all, with
    few arenas, gives memory back: an eighth less at the peak than Arrow's own beside it."""
    defaults = {
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        **without_slow_sorts(),
    }
    if threads is not None:
        defaults["OMP_NUM_THREADS"] = str(threads)
    return {**defaults, **os.environ}
