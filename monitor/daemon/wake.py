"""Waking a thread that waits for pipes: from a signal handler, from another thread."""

from __future__ import annotations

import os
import select
import signal
from types import FrameType


class Wake:
    """A pipe that can be waited for; setting it takes no lock, so a signal handler may."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._reading, False)
        os.set_blocking(self._writing, False)

    def fileno(self) -> int:
        return self._reading

    def set(self) -> None:
        try:
            os.write(self._writing, b"x")
        except BlockingIOError:  # full: it is set often enough
            return

    def set_by_signals(self) -> None:
        """Have every signal set it; only in the main thread.

        Python's handlers run in the main thread, but the system may give a signal to any: one that waits would go on
        waiting, and the signal with it.
        """
        signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)

    def clear(self) -> None:
        try:
            while os.read(self._reading, 4096):
                continue
        except BlockingIOError:
            return

    def wait(self, seconds: float | None) -> bool:
        """Whether it was set within that time."""
        return bool(select.select([self], [], [], seconds)[0])

    def close(self) -> None:
        os.close(self._reading)
        os.close(self._writing)


class Signals:
    """What signals asked for. The handlers only take notes, whatever the process is doing.

    A second SIGTERM or SIGINT ends the process at once: the store survives that, and workers follow their parent.

    Attributes
    ----------
    stop : bool
        SIGTERM or SIGINT came.
    reload : bool
        SIGHUP came; stays until it is taken, so that one that comes during start-up is not lost, and a storm of
        them is one.
    """

    def __init__(self) -> None:
        self.stop = False
        self.reload = False
        self.wake = Wake()

    def install(self) -> None:
        """Only in the main thread."""
        self.wake.set_by_signals()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGHUP, self._reload)

    def take_reload(self) -> bool:
        """Whether a reload was asked for since this was last asked."""
        if not self.reload:
            return False
        self.reload = False  # a signal that comes just now is answered by the reload that follows
        return True

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if self.stop:
            os._exit(0)
        self.stop = True
        self.wake.set()

    def _reload(self, number: int, frame: FrameType | None) -> None:
        self.reload = True
        self.wake.set()
