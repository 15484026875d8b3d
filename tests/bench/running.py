"""A daemon that runs while it is measured."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.command import RECWATCH
from tests.bench.figures import CouldNotMeasure
from tests.bench.process import last_line

PATIENCE_SECONDS = 180.0


@dataclass(frozen=True)
class Running:
    """A daemon that listens on loopback."""

    process: subprocess.Popen[bytes]
    port: int
    output: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait(self, what: str, done: Callable[[], bool], patience: float = PATIENCE_SECONDS) -> None:
        """Until something is done.

        Raises
        ------
        CouldNotMeasure
            When the daemon ended or took too long; says what it printed.
        """
        until = time.perf_counter() + patience
        while not done():
            if (code := self.process.poll()) is not None or time.perf_counter() > until:
                state = f"ended with {code}" if code is not None else f"took over {patience:.0f} s"
                said = last_line(self.output.read_text(encoding="utf-8", errors="replace"))
                raise CouldNotMeasure(f"the daemon {state} before {what}: {said}")
            time.sleep(0.02)


@contextmanager
def running(config: Path, folder: Path) -> Iterator[Running]:
    """Start `recwatch run` with a fresh store; it is ended in the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    state = tempfile.mkdtemp(dir=folder)
    options = ["--storage.path", state, "--web.listen-address", f"127.0.0.1:{port}"]
    output = Path(state).with_suffix(".txt")
    with output.open("wb") as file:
        process = subprocess.Popen([RECWATCH, "run", config, *options], stdout=file, stderr=subprocess.STDOUT)
        try:
            yield Running(process, port, output)
        finally:
            process.terminate()
            process.wait(timeout=30)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
