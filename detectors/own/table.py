"""Tables in a notebook: as a batch, its summary, and what detectors measure; no daemon, no configuration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import Batch, Values, column_key
from detectors.core.cells import NULL, Cells
from detectors.core.detector import Context, Detector, discover
from detectors.core.hashing import hash_integers, hash_texts, mix
from detectors.core.summary import Summary
from detectors.core.texts import Texts

ROLES = ("item", "request", "user", "position", "score", "click", "timestamp")


def as_batch(
    table: Any,
    columns: Mapping[str, str] | None = None,
    slices: Sequence[str] = (),
    detectors: Iterable[Detector] = (),
) -> Batch:
    """The rows of a table, one an item shown, as a batch.

    Parameters
    ----------
    table : pandas or polars DataFrame, Arrow table, mapping of name to sequence
        Whatever gives a column by `table[name]` that numpy makes an array of.
    columns : mapping of role to name, optional
        "item", "request", "user", "position", "score", "click", "timestamp"; a role goes by its own name otherwise,
        where the table has such a column.
    slices : sequence of str
        Columns whose values are measured apart.
    detectors : iterable of Detector
        Columns that they declare are taken from the table, those of the catalogue too ("catalog.price").

    Raises
    ------
    KeyError
        When the table lacks a column that is named; or has none of items.
    """
    names = {role: role for role in ROLES if _has(table, role)} | dict(columns or {})
    if wrong := set(names) - set(ROLES):
        raise KeyError(f"{sorted(wrong)[0]!r} is no role: use some of {', '.join(ROLES)}")
    if "item" not in names:
        raise KeyError("no column of items: name it in columns={'item': ...}")
    roles = {role: _column(table, name) for role, name in names.items()}
    rows = len(roles["item"])
    request = _hashes(roles["request"]) if "request" in roles else mix(np.arange(rows, dtype=np.uint64))
    _, first, number = np.unique(request, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))  # requests in the order of their first rows
    of_row, first = rank[number], np.sort(first)
    place = roles["position"].astype(np.int64) if "position" in roles else np.arange(rows)
    order = np.lexsort((place, of_row))
    length = np.bincount(of_row, minlength=len(first))
    offsets = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
    if "position" not in roles:
        place = np.empty(rows, np.int64)
        place[order] = np.arange(rows) - np.repeat(offsets[:-1], length) + 1
    elif rows and place.min() == 0:
        place = place + 1
    items = _texts(roles["item"])
    known = _known(roles["user"])[first] if "user" in roles else np.zeros(len(first), bool)
    user = _hashes(roles["user"])[first] if "user" in roles else np.zeros(len(first), np.uint64)
    values = [tuple(NULL if v is None else v for v in row) for row in zip(
        *(np.asarray(_texts(_as_slices(_column(table, s)[first]))) for s in sorted(slices)), strict=True)]  # fmt: skip
    cells = Cells.of(tuple(sorted(slices)), values or [()] * len(first))
    index = {v: i for i, v in enumerate(cells.values)}
    own = {
        column_key(name, kind): _as(_column(table, name), kind)[order]
        for detector in detectors
        for name, kind in detector.columns.items()
    }
    return Batch(
        cells=cells,
        cell=np.array([index[v] for v in values or [()] * len(first)], np.int32),
        offsets=offsets,
        item=items.codes[order],
        item_hash=items.hashes,
        item_names=items.names,
        position=place[order].astype(np.int32),
        user=np.where(known, user, mix(request[first])),
        user_known=known,
        request=request[first],
        time=_microseconds(roles.get("timestamp", np.zeros(rows, np.int64))[first]),
        score=roles["score"][order].astype(float) if "score" in roles else None,
        click=roles["click"][order].astype(bool) if "click" in roles else None,
        has=_has_of(names) | {f"column {key.partition(':')[2]}" for key in own},
        missing={},
        repeated=np.zeros(len(cells), np.int64),
        columns=own,
    )  # fmt: skip


def summarise(
    table: Any,
    columns: Mapping[str, str] | None = None,
    slices: Sequence[str] = (),
    detectors: Iterable[Detector] | None = None,
) -> Summary:
    """Everything that detectors need of a table; parameters as of `as_batch`.

    Parameters
    ----------
    detectors : iterable of Detector, optional
        Those that are to measure it; all that are installed when not given.

    >>> summary = summarise({"item": ["a", "b", "a"], "request": [1, 1, 2], "country": ["DE", "DE", "US"]},
    ...     slices=["country"], detectors=[discover()["lists"]()])
    >>> measure(discover()["lists"](), summary).columns["slice"][:3]
    ['all', 'country=DE', 'country=US']
    """
    chosen = [kind() for kind in discover().values()] if detectors is None else list(detectors)
    batch = as_batch(table, columns, slices, chosen)
    return Summary.of(batch, dict.fromkeys(s for d in chosen for s in d.statistics))


@dataclass(frozen=True)
class Measured:
    """What a detector measured of a summary.

    Parameters
    ----------
    columns : dict of str to list
        "measure", "slice", "value", "error", "n", "unit": `pandas.DataFrame(found.columns)` is a table of it.
    """

    columns: dict[str, list[Any]]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Row by row."""
        return (dict(zip(self.columns, row, strict=True)) for row in zip(*self.columns.values(), strict=True))

    def __getitem__(self, where: tuple[str, str]) -> float:
        """The value of (measure, slice).

        Raises
        ------
        KeyError
            When that was not measured.
        """
        for row in self:
            if (row["measure"], row["slice"]) == where:
                return float(row["value"])
        raise KeyError(where)

    def plot(self, axes: Any, measure: str | None = None) -> Any:
        """Draw a measure by slice, with two standard errors to each side, on axes of matplotlib; returns them.

        Raises
        ------
        KeyError
            When it was not measured.
        """
        chosen = measure or self.columns["measure"][0]
        if chosen not in self.columns["measure"]:
            there = ", ".join(dict.fromkeys(self.columns["measure"]))
            raise KeyError(f"{chosen!r} was not measured: there is {there}")
        rows = [row for row in self if row["measure"] == chosen]
        texts = [row["slice"] for row in rows]
        axes.errorbar(
            [row["value"] for row in rows], range(len(rows)), xerr=[2 * row["error"] for row in rows], fmt="o"
        )
        axes.set_yticks(range(len(rows)), texts)
        axes.invert_yaxis()
        axes.set_xlabel(f"{chosen} ({rows[0]['unit']})")
        return axes

    def __repr__(self) -> str:
        lines = [f"{'measure':<28}{'slice':<28}{'value':>12}{'error':>12}{'n':>10}"]
        lines += [
            f"{r['measure']:<28}{r['slice']:<28}{r['value']:>12.4g}{r['error']:>12.2g}{r['n']:>10.0f}"
            for r in self
        ]
        return "\n".join(lines)


def measure(detector: Detector, summary: Summary, context: Context | None = None) -> Measured:
    """What a detector measures of a summary, in every slice."""
    columns: dict[str, list[Any]] = {name: [] for name in ("measure", "slice", "value", "error", "n", "unit")}
    units = {m.name: m.unit.value for m in detector.measures()}
    for found in detector.measure(summary, context or Context()):
        n = len(found.value)
        columns["measure"] += [found.measure] * n
        columns["slice"] += summary.slices.texts
        columns["unit"] += [units[found.measure]] * n
        for name in ("value", "error", "n"):
            columns[name] += np.asarray(getattr(found, name), float).tolist()
    return Measured(columns)


def _has_of(names: Iterable[str]) -> frozenset[str]:
    """What there is, in the words of `Measure.needs`."""
    has = set(names)
    if "position" in has:
        has.add("logged_position")
    elif "request" in has:
        has.add("position")  # the order of the rows
    return frozenset(has)


def _has(table: Any, name: str) -> bool:
    names = getattr(table, "column_names", None) or getattr(table, "columns", table)
    return name in list(names)


def _column(table: Any, name: str) -> NDArray[Any]:
    if not _has(table, name):
        raise KeyError(f"the table has no column {name!r}")
    column = table[name]
    if str(getattr(column, "type", "")).startswith("dictionary"):
        column = column.cast(
            column.type.value_type
        )  # as an array, Arrow gives nulls the value of another row
    array = np.asarray(column)
    return array.astype(object) if array.dtype.kind in "US" else array


def _microseconds(column: NDArray[Any]) -> NDArray[np.int64]:
    """Since the epoch; a time that says no zone is in UTC, a number is microseconds already."""
    if column.dtype.kind == "O":
        in_utc = [at - offset if (offset := at.utcoffset()) else at for at in column.tolist()]
        column = np.array([at.replace(tzinfo=None) for at in in_utc], "datetime64[us]")
    return (column.astype("datetime64[us]") if column.dtype.kind == "M" else column).astype(np.int64)


def _as_slices(column: NDArray[Any]) -> NDArray[Any]:
    """As a log's are written: `true` and not `True`."""
    return np.char.lower(column.astype(str)).astype(object) if column.dtype.kind == "b" else column


def _is_known(value: Any) -> bool:
    """Not None, not NaN or NaT, which equal nothing, and not the one of pandas that does not even say so."""
    return value is not None and type(value).__name__ != "NAType" and value == value and value != ""


def _known(column: NDArray[Any]) -> NDArray[np.bool_]:
    if column.dtype.kind == "O":
        return np.array([_is_known(v) for v in column.tolist()], bool)
    return ~np.isnan(column) if column.dtype.kind == "f" else np.ones(len(column), bool)


def _hashes(column: NDArray[Any]) -> NDArray[np.uint64]:
    if column.dtype.kind in "iu":
        return hash_integers(column)
    return hash_texts("" if v is None else str(v) for v in column.tolist())


def _texts(column: NDArray[Any]) -> Texts:
    known = _known(column).tolist()
    return Texts.of([str(v) if k else None for v, k in zip(column.tolist(), known, strict=True)])


def _as(column: NDArray[Any], kind: type) -> Values:
    if kind is str:
        return _texts(column)
    if column.dtype.kind == "O":
        instead = np.nan if kind is float else False
        column = np.array([v if k else instead for v, k in zip(column, _known(column).tolist(), strict=True)])
    return column.astype(kind)
