"""From batches as a file has them to the canonical table: columns named by role, missing ones null."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from monitor.logs.columns import KINDS, Column, Kind, Place, is_list, is_nested
from monitor.logs.conform import align_lists, conform, descend, numbers_of_text
from monitor.logs.quarantine import Quarantine


@dataclass(frozen=True)
class Canonical:
    """How the batches of one file become canonical.

    Parameters
    ----------
    columns : sequence of Column
        What is wanted, in the order of the table.
    places : mapping of column name to Place
        What the file has; see `usable_places`.
    given : mapping of column name to text
        What the names of the file's folders say, for columns that the file does not have.
    as_text : collection of str
        Id columns whose integers become text.
    unit : str
        Unit of timestamps that are numbers.
    untyped : bool
        Whether all values are text, so that features whose text is a number everywhere are numbers.
    """

    columns: Sequence[Column]
    places: Mapping[str, Place]
    given: Mapping[str, str | None]
    as_text: Collection[str]
    unit: str
    untyped: bool = False

    def table(self, batch: pa.RecordBatch, path: str, quarantine: Quarantine) -> pa.Table:
        """The canonical table of a batch; what cannot be used is noted and null."""

        def note(what: str, n: int) -> None:
            quarantine.note(path, what, n)

        out: dict[str, pa.Array] = {}
        listed = []
        for column in self.columns:
            if column.name in self.places:
                names = self.places[column.name].names
                array = descend(batch.column(batch.schema.names.index(names[0])), names[1:])
            elif column.name in self.given:
                array = pa.repeat(pa.scalar(self.given[column.name], pa.string()), len(batch))
            else:
                out[column.name] = pa.nulls(len(batch), column.empty_type)
                continue
            if self.untyped and column.kind is Kind.FEATURE:
                array = numbers_of_text(array)
            if column.name not in KINDS and is_list(array.type) and has_lists(self.columns):
                column = replace(column, listed=True)  # a feature of each item
            out[column.name] = conform(column, array, self.unit, column.name in self.as_text, note)
            if column.listed:
                listed.append(column.name)
        return pa.table(align_lists(out, listed, note) if listed else out)


def has_lists(columns: Sequence[Column]) -> bool:
    """Whether one row is a request with its list."""
    return any(column.listed for column in columns)


def usable_places(
    columns: Sequence[Column], places: Mapping[str, Place], path: str, quarantine: Quarantine
) -> dict[str, Place]:
    """Places whose type a column can have; the others are noted."""
    out = {}
    for column in columns:
        if (place := places.get(column.name)) is None:
            continue
        if is_nested(place.type) or (is_list(place.type) and not has_lists(columns)):
            quarantine.note(
                path,
                f"{column.name}: column {column.path!r} holds {'lists' if is_list(place.type) else 'records'}",
            )
        else:
            out[column.name] = place
    return out
