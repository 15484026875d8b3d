"""Runs a command and says how long it took and how much memory it and its children needed."""

from __future__ import annotations

import os
import resource
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Run:
    """One finished process.

    Parameters
    ----------
    peak_bytes : int
        Sum of the peaks of the process and of each of its children: never less than what they needed together, and
        more when they peaked at different times or share memory.
    cpu_seconds : float
        Processor time of all of them.
    """

    seconds: float
    peak_bytes: int
    exit_code: int
    output: str
    cpu_seconds: float


def run(command: Sequence[str], folder: Path) -> Run:
    """Run to the end; what it prints goes to a file in `folder`, so that no pipe holds it up."""
    with (folder / "output.txt").open("w+", encoding="utf-8", errors="replace") as output:
        begin, used = time.perf_counter(), children_used()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        peaks = Peaks(process.pid)
        exit_code = process.wait()
        seconds = time.perf_counter() - begin
        output.seek(0)
        return Run(seconds, peaks.stop(), exit_code, output.read(), children_used() - used)


def children_used() -> float:
    """Processor time of all children that have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Peaks:
    """Watches the peak memory of a process and of its children, from /proc."""

    def __init__(self, pid: int):
        self._pid = pid
        self._peaks: dict[int, int] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        self._done.set()
        self._thread.join()
        return sum(self._peaks.values())

    def _watch(self) -> None:
        while not self._done.wait(POLL_SECONDS):
            for pid in (self._pid, *children(self._pid)):
                # A process that has ended or is ending has no figure any more; its last one stays.
                self._peaks[pid] = max(self._peaks.get(pid, 0), memory(pid, "VmHWM"))


def children(pid: int) -> Iterator[int]:
    """Ids of all processes below one."""
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split():
                yield int(child)
                yield from children(int(child))
    except (FileNotFoundError, ProcessLookupError):
        return


def memory(pid: int, field: str) -> int:
    """A figure from /proc/PID/status in bytes (VmRSS: now, VmHWM: peak); 0 when the process is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    for line in status.splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    return 0


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used so far, its children not counted."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def last_line(output: str) -> str:
    """What a process said last, which is why it ended."""
    return next((line.strip() for line in reversed(output.splitlines()) if line.strip()), "nothing printed")
