"""Which columns are wanted from a log, which part each plays, and where in a file's schema it is found."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import pyarrow as pa

from detectors.core.batch import column_key
from monitor.config.models import Columns, LogConfig
from monitor.errors import UserError


class Kind(Enum):
    """What a column's values become."""

    TIME = "time"  # int64 microseconds
    ID = "id"  # dictionary<int32, string>, or an integer type
    KEY = "key"  # string or an integer type: every value is expected to differ
    NUMBER = "number"  # float32 or float64
    RANK = "rank"  # an integer type
    FLAG = "flag"  # bool


KINDS = {
    "timestamp": Kind.TIME,
    "item": Kind.ID,
    "request": Kind.KEY,
    "user": Kind.ID,
    "position": Kind.RANK,
    "score": Kind.NUMBER,
    "click": Kind.FLAG,
    "model_version": Kind.ID,
    "context": Kind.ID,
}
OWN_KINDS = {float: Kind.NUMBER, bool: Kind.FLAG, str: Kind.ID}  # as detectors declare them
REQUIRED = ("timestamp", "item")
PER_ITEM = ("item", "position", "score", "click")  # lists in the list layout
EMPTY_TYPES = {
    Kind.TIME: pa.int64(),
    Kind.ID: pa.dictionary(pa.int32(), pa.string()),
    Kind.KEY: pa.string(),
    Kind.NUMBER: pa.float64(),
    Kind.RANK: pa.int64(),
    Kind.FLAG: pa.bool_(),
}


@dataclass(frozen=True)
class Column:
    """A column of the canonical table: its name there, its dotted path in the log, what its values become."""

    name: str
    path: str
    kind: Kind
    listed: bool = False  # one value for each item of a row's list

    @property
    def empty_type(self) -> pa.DataType:
        """Type of the column where a file does not have it."""
        kind = EMPTY_TYPES[self.kind]
        return pa.list_(kind) if self.listed else kind


def wanted_columns(
    config: LogConfig, extra: Sequence[str] = (), own: Collection[tuple[str, type]] = ()
) -> tuple[Column, ...]:
    """Configured roles in the order of `Columns`, then extra columns under their own names, then those that detectors
    ask for by `column_key`.

    Raises
    ------
    UserError
        When an extra column has the name of a role that another column plays.
    """
    roles: dict[str, str] = {
        role: path for role in Columns.model_fields if (path := getattr(config.columns, role)) is not None
    }
    out = [
        Column(role, path, KINDS[role], config.layout == "list" and role in PER_ITEM)
        for role, path in roles.items()
    ]
    for path in dict.fromkeys(extra):
        if path in KINDS:
            if roles.get(path) == path:
                continue  # one column that is both: it is there under its name already
            raise UserError(
                f"column {path!r} cannot be a slice: {path!r} is the name of a role "
                f"and `log.columns.{path}` names {roles.get(path)!r}"
            )
        out.append(Column(path, path, Kind.ID))
    return (*out, *(Column(column_key(path, kind), path, OWN_KINDS[kind]) for path, kind in own))


@dataclass(frozen=True)
class Place:
    """Where a column is in a schema: names from the top level down, lists are passed through."""

    names: tuple[str, ...]
    type: pa.DataType  # of the leaf's column as a whole: list<T> when a list lies on the way
    first_leaf: int  # in the order of Parquet's leaf columns
    leaves: int


def find(schema: pa.Schema, path: str) -> Place | None:
    """The place of a dotted path; a name that has dots itself wins over nested fields.

    >>> schema = pa.schema([("items", pa.list_(pa.struct([("id", pa.string())])))])
    >>> find(schema, "items.id").type
    ListType(list<item: string>)
    """
    return _find(list(schema), path.split("."), 0)


def _find(fields: Sequence[pa.Field], parts: list[str], leaf: int) -> Place | None:
    for taken in range(len(parts), 0, -1):
        name, rest = ".".join(parts[:taken]), parts[taken:]
        before = leaf
        for candidate in fields:
            if candidate.name == name:
                if not rest:
                    return Place((name,), candidate.type, before, count_leaves(candidate.type))
                kind, listed = candidate.type, False
                if is_list(kind):
                    kind, listed = kind.value_type, True
                if pa.types.is_struct(kind):
                    inner = _find([kind.field(i) for i in range(kind.num_fields)], rest, before)
                    if inner is not None:
                        whole = pa.list_(inner.type) if listed else inner.type
                        return Place((name, *inner.names), whole, inner.first_leaf, inner.leaves)
                break
            before += count_leaves(candidate.type)
    return None


def count_leaves(kind: pa.DataType) -> int:
    """How many Parquet columns a type takes."""
    if isinstance(kind, pa.BaseExtensionType):
        return count_leaves(kind.storage_type)
    if is_list(kind):
        return count_leaves(kind.value_type)
    if pa.types.is_map(kind):
        return count_leaves(kind.key_type) + count_leaves(kind.item_type)
    if pa.types.is_struct(kind):
        return sum(count_leaves(kind.field(i).type) for i in range(kind.num_fields))
    return 1


def leaf_fields(schema: pa.Schema) -> dict[str, pa.DataType]:
    """Every field that a dotted path can name, with its type."""
    out: dict[str, pa.DataType] = {}

    def visit(path: str, kind: pa.DataType, listed: bool) -> None:
        inner = kind.value_type if is_list(kind) else kind
        if pa.types.is_struct(inner) and not (listed and is_list(kind)):
            for i in range(inner.num_fields):
                visit(f"{path}.{inner.field(i).name}", inner.field(i).type, listed or is_list(kind))
        else:
            out[path] = pa.list_(kind) if listed else kind

    for field in schema:
        visit(field.name, field.type, False)
    return out


def is_list(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(kind)
        or pa.types.is_large_list(kind)
        or pa.types.is_fixed_size_list(kind)
        or pa.types.is_list_view(kind)
        or pa.types.is_large_list_view(kind)
    )


def is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def value_type(kind: pa.DataType) -> pa.DataType:
    """Type of the single values: inside lists, dictionaries and extension types."""
    while True:
        if is_list(kind) or pa.types.is_dictionary(kind):
            kind = kind.value_type
        elif isinstance(kind, pa.BaseExtensionType):
            kind = kind.storage_type
        else:
            return kind


def is_nested(kind: pa.DataType) -> bool:
    """Whether the single values are records, which no part can use."""
    kind = value_type(kind)
    return bool(pa.types.is_struct(kind) or pa.types.is_map(kind) or pa.types.is_union(kind))


def unusable(columns: Sequence[Column], types: Mapping[str, pa.DataType]) -> str | None:
    """Why no row of a file with columns of these types can be used, None when they can."""
    for column in columns:
        if column.name not in REQUIRED:
            continue
        which = f"column {column.path!r} ({column.name})"
        kind = types.get(column.name)
        if kind is None:
            return f"has no {which}"
        if pa.types.is_null(kind):
            continue
        if is_nested(kind):
            return f"{which} holds records: name one of their fields"
        if is_list(kind) and not column.listed:
            return f"{which} holds lists: `log.layout: list` reads it"
        if column.listed and not is_list(kind):
            return f"{which} holds one value a row: `log.layout: long` reads it"
    return None
