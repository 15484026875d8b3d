"""What could not be read, collected while reading: counted, named, and never the end of a window."""

from __future__ import annotations

import threading
from typing import NamedTuple

from monitor.evaluation import Quarantined

MOST = 200  # entries kept apart; what comes after them is counted together
MOST_NOTES = 50
MOST_TEXT = 300  # characters of a reason


class _Entry(NamedTuple):
    rows: int
    first: int | None


class Quarantine:
    """Files and rows that could not be used, by path and reason. Safe to share between threads.

    >>> quarantine = Quarantine()
    >>> quarantine.add_rows("part-0.jsonl", "not JSON", 1, line=17)
    >>> quarantine.add_rows("part-0.jsonl", "not JSON", 2, line=30)
    >>> quarantine.items
    (Quarantined(path='part-0.jsonl', reason='not JSON (first: line 17)', rows=3),)
    """

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], _Entry] = {}
        self._notes: dict[str, dict[str, int]] = {}
        self._lock = threading.Lock()

    def add_file(self, path: str, reason: str) -> None:
        """A whole file that cannot be used."""
        self._add(path, reason, 0, None)

    def add_rows(self, path: str, reason: str, n: int, line: int | None = None) -> None:
        """`n` rows or lines of a file that cannot be used; `line` counts from 1."""
        if n:
            self._add(path, reason, n, line)

    def note(self, path: str, reason: str, n: int = 0) -> None:
        """What makes a column of a file unusable, not its rows; `n` values of it, 0 is all of them."""
        with self._lock:
            if reason in self._notes or len(self._notes) < MOST_NOTES:
                paths = self._notes.setdefault(_printable(reason), {})
                if path in paths or len(paths) < MOST:
                    paths[path] = paths.get(path, 0) + n

    def _add(self, path: str, reason: str, rows: int, line: int | None) -> None:
        key = (_printable(path), _printable(reason))
        with self._lock:
            if key not in self._entries and len(self._entries) >= MOST:
                key, line = ("(other files)", f"more than {MOST} different problems"), None
            entry = self._entries.get(key, _Entry(0, line))
            first = entry.first if line is None else min(line, entry.first or line)
            self._entries[key] = _Entry(entry.rows + rows, first)

    @property
    def items(self) -> tuple[Quarantined, ...]:
        """One entry for each path and reason, sorted."""
        with self._lock:
            return tuple(
                Quarantined(
                    path, reason + (f" (first: line {entry.first})" if entry.first else ""), entry.rows
                )
                for (path, reason), entry in sorted(self._entries.items())
            )

    @property
    def notes(self) -> tuple[str, ...]:
        """One sentence for each reason, with the first file and how many more."""
        out = []
        with self._lock:
            for reason, paths in sorted(self._notes.items()):
                values = sum(paths.values())
                counted = f" ({values} values)" if values else ""
                more = f" and {len(paths) - 1} more files" if len(paths) > 1 else ""
                out.append(f"{reason}{counted}: {_printable(min(paths))}{more}")
        return tuple(out)


def _printable(text: str) -> str:
    """One line that can be stored and shown, whatever the log put into it."""
    text = text.encode("utf-8", "backslashreplace").decode().replace("\n", "\\n").replace("\r", "\\r")
    return text if len(text) <= MOST_TEXT else text[:MOST_TEXT] + "..."
