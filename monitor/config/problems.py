"""What is wrong with a configuration, collected: people want every mistake of a file at once, one a line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from monitor.errors import UserError

MOST = 100  # mistakes told at one time
ESCAPES = {'"': '\\"', "\\": "\\\\"}


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake.

    Parameters
    ----------
    line : int
        Counted from 1; 0 when it belongs to no line.
    key : str
        Path of the key, `recommenders[0].log.path`; empty for the whole file.
    what : str
        What is wrong and what to do, one line.
    """

    line: int
    key: str
    what: str


@dataclass
class Problems:
    """The mistakes found so far in one file; the same mistake is told once."""

    source: str
    found: set[Problem] = field(default_factory=set)

    def add(self, line: int, key: str, what: str) -> None:
        self.found.add(Problem(line, key, what))

    def raise_if_any(self) -> None:
        """Raise what was found, in the order of the file.

        Raises
        ------
        UserError
            With one line a mistake: file, line, key, what is wrong, what to do.
        """
        if self.found:
            lines = [self._line(problem) for problem in sorted(self.found)]
            more = [f"{self.source}: and {len(lines) - MOST} more mistakes"] if len(lines) > MOST else []
            raise UserError("\n".join([*lines[:MOST], *more]))

    def _line(self, problem: Problem) -> str:
        at = f"{self.source}:{problem.line}" if problem.line else self.source
        return ": ".join(part for part in (at, problem.key, problem.what) if part)


def child(path: str, key: str | int) -> str:
    """The path of a key or list entry below `path`; odd keys are quoted.

    >>> child(child("overrides", "shop/*"), "mode")
    'overrides["shop/*"].mode'
    """
    if isinstance(key, int):
        return f"{path}[{key}]"
    if not re.fullmatch(r"[A-Za-z0-9_-]+", key):
        return f"{path}[{shown(key)}]"
    return f"{path}.{key}" if path else key


def shown(value: object, longest: int = 60) -> str:
    """A value in a message: quoted, on one line, not too long.

    >>> print(shown('two' + chr(10) + 'lines'))
    "two\\nlines"
    """
    text = str(value)
    escaped = (ESCAPES.get(c) or (c if c.isprintable() else ascii(c)[1:-1]) for c in text[:longest])
    return f'"{"".join(escaped)}{"..." if len(text) > longest else ""}"'


def suggestion(word: str, known: Iterable[str]) -> str:
    """What may have been meant, or what there is to choose from.

    >>> suggestion("itme", ["item", "user"])
    'did you mean "item"?'
    >>> suggestion("colour", ["item", "user"])
    'use one of "item", "user"'
    """
    known = list(known)
    if near := difflib.get_close_matches(word, known, n=1):
        return f"did you mean {shown(near[0])}?"
    return f"use one of {', '.join(map(shown, known))}"
