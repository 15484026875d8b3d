"""Evidence as facts and tables: whatever a detector gives, in bounded size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from monitor.web.wording import number, percent, short

MOST_FACTS, MOST_TABLES, MOST_ROWS, MOST_COLUMNS, MOST_LISTED = 12, 4, 10, 8, 20
ENDS = ("low", "high")  # of the interval around a share
HEADS = {"expected": "usual", "item": "item", "requests": "requests"}


@dataclass(frozen=True)
class Share:
    """A share with the ends of its interval, all from 0 to 1."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Cell:
    text: str
    share: Share | None = None
    numeric: bool = False


@dataclass(frozen=True)
class Table:
    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    left_out: int = 0


@dataclass(frozen=True)
class Evidence:
    """What a person wants to see of a finding.

    Parameters
    ----------
    facts : tuple of (name, text)
    tables : tuple of Table
    """

    facts: tuple[tuple[str, str], ...] = ()
    tables: tuple[Table, ...] = ()


def read_evidence(evidence: Mapping[str, Any], counts: str = "requests") -> Evidence:
    """Lists of records become tables, everything else a line.

    Parameters
    ----------
    counts : str
        What "requests" are: "rows" where the log does not tell which rows are one request.

    >>> read_evidence({"item": "sku-7", "position": 3}).facts
    (('item', 'sku-7'), ('position', '3'))
    >>> read_evidence({"requests": 12}, "rows").facts
    (('rows', '12'),)
    """
    if counts != "requests":
        evidence = _renamed(evidence, counts)
    facts: list[tuple[str, str]] = []
    tables: list[Table] = []
    for key, value in evidence.items():
        if isinstance(value, list | tuple) and value and all(isinstance(row, Mapping) for row in value):
            tables.append(_table(_words(key), value))
        elif isinstance(value, list | tuple):
            listed = ", ".join(_text(key, entry) for entry in value[:MOST_LISTED])
            facts.append((_words(key), listed + (" …" if len(value) > MOST_LISTED else "")))
        elif isinstance(value, Mapping):
            entries = list(value.items())[:MOST_LISTED]
            facts.append(
                (_words(key), ", ".join(f"{short(name)} {_text(name, entry)}" for name, entry in entries))
            )
        elif value is not None:
            facts.append((_words(key), _text(key, value)))
    return Evidence(tuple(facts[:MOST_FACTS]), tuple(tables[:MOST_TABLES]))


def _renamed(evidence: Mapping[str, Any], counts: str) -> Mapping[str, Any]:
    """The same with another name for "requests", in the records of lists too."""
    return {
        counts if key == "requests" else key: [
            _renamed(row, counts) if isinstance(row, Mapping) else row for row in value
        ]
        if isinstance(value, list | tuple)
        else value
        for key, value in evidence.items()
    }


def _table(title: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    shown = rows[:MOST_ROWS]
    names = list(dict.fromkeys(str(name) for row in shown for name in row))
    if "share" in names:
        names = [name for name in names if name not in ENDS]
    names = names[:MOST_COLUMNS]
    cells = tuple(tuple(_cell(name, row) for name in names) for row in shown)
    return Table(title, tuple(map(_words, names)), cells, len(rows) - len(shown))


def _cell(name: str, row: Mapping[str, Any]) -> Cell:
    value = row.get(name)
    if name == "share" and _is_share(value):
        low, high = row.get("low"), row.get("high")
        bounds = (low, high) if _is_share(low) and _is_share(high) else (None, None)
        return Cell(percent(value), Share(value, *bounds), numeric=True)
    return Cell(_text(name, value), numeric=isinstance(value, int | float) and not isinstance(value, bool))


def _text(name: object, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        is_share = str(name) in ("share", "expected", *ENDS) or str(name).endswith("share")
        return percent(value) if is_share and _is_share(value) else number(value)
    return "–" if value is None else short(value)


def _is_share(value: Any) -> TypeGuard[float]:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and 0 <= value <= 1


def _words(key: object) -> str:
    return HEADS.get(str(key)) or short(str(key).replace("_", " "))
