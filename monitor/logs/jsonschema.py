"""Arrow types for JSON: guessed from values, and cut down to the fields that are wanted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from monitor.logs.columns import Column, Kind, Place, find, is_list

GUESS = {  # for fields that were not seen yet; the parser refuses a block where the guess is wrong
    Kind.TIME: pa.string(),
    Kind.ID: pa.string(),
    Kind.KEY: pa.string(),
    Kind.NUMBER: pa.float64(),
    Kind.RANK: pa.int64(),
    Kind.FLAG: pa.bool_(),
    Kind.FEATURE: pa.string(),
}


def guess_schema(objects: Iterable[dict[str, Any]], nulls: bool = False) -> pa.Schema:
    """Types that hold all values; mixed ones become text, fields that are always null are only kept with `nulls`.

    >>> guess_schema([{"a": 1, "b": [{"c": None}]}, {"a": 0.5, "b": [{"c": "x"}]}]).to_string()
    'a: double\\nb: list<item: struct<c: string>>\\n  child 0, item: struct<c: string>\\n      child 0, c: string'
    """
    kind = _guess(list(objects), pa.null() if nulls else None)
    return pa.schema(list(kind)) if kind is not None and pa.types.is_struct(kind) else pa.schema([])


def _guess(values: list[Any], unknown: pa.DataType | None) -> pa.DataType | None:
    values = [v for v in values if v is not None]
    kinds = {type(v) for v in values}
    if not kinds:
        return unknown
    if kinds == {dict}:
        by_name: dict[str, list[Any]] = {}
        for value in values:
            for name, inner in value.items():
                by_name.setdefault(name, []).append(inner)
        fields = {name: _guess(inner, unknown) for name, inner in by_name.items()}
        known = [pa.field(_name(name), kind) for name, kind in fields.items() if kind is not None]
        return pa.struct(known) if known else unknown
    if kinds == {list}:
        inner_kind = _guess([e for v in values for e in v], unknown)
        return None if inner_kind is None else pa.list_(inner_kind)
    if kinds == {bool}:
        return pa.bool_()
    if kinds == {int}:
        low, high = min(values), max(values)
        if low >= -(2**63) and high < 2**63:
            return pa.int64()
        return pa.uint64() if low >= 0 and high < 2**64 else pa.string()
    return pa.float64() if kinds <= {int, float} else pa.string()


def _name(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()


def projection(schema: pa.Schema, columns: Sequence[Column]) -> tuple[pa.Schema, dict[str, Place]]:
    """A schema of the wanted fields only, with a guess for those not seen, and their places in it."""
    fields = list(schema)
    for column in columns:
        place = find(pa.schema(fields), column.path)
        if place is None:
            fields = _grown(fields, column.path.split("."), GUESS[column.kind], column.listed)
        elif column.kind in (Kind.NUMBER, Kind.FEATURE) and _is_integer(place.type):
            fields = _grown(fields, place.names, pa.float64(), column.listed)
    whole = pa.schema(fields)
    paths = [place.names for column in columns if (place := find(whole, column.path)) is not None]
    explicit = pa.schema(_pruned(fields, paths))
    return explicit, {c.name: place for c in columns if (place := find(explicit, c.path)) is not None}


def _grown(fields: list[pa.Field], names: Sequence[str], leaf: pa.DataType, listed: bool) -> list[pa.Field]:
    """The fields with one more below them, or with another type for one that is there."""
    out = list(fields)
    for i, field in enumerate(fields):
        if field.name == names[0]:
            inner = field.type.value_type if is_list(field.type) else field.type
            if len(names) == 1:
                inner = leaf
            elif pa.types.is_struct(inner):
                inner = pa.struct(_grown(list(inner), names[1:], leaf, listed=False))
            out[i] = field.with_type(pa.list_(inner) if is_list(field.type) else inner)
            return out
    kind = leaf
    for name in reversed(names[1:]):
        kind = pa.struct([(name, kind)])
    return [*out, pa.field(names[0], pa.list_(kind) if listed else kind)]


def _pruned(fields: Sequence[pa.Field], paths: Sequence[tuple[str, ...]]) -> list[pa.Field]:
    out = []
    for field in fields:
        below = [path[1:] for path in paths if path[0] == field.name]
        if not below:
            continue
        if () not in below:
            inner = field.type.value_type if is_list(field.type) else field.type
            kept = pa.struct(_pruned(list(inner), below))
            field = field.with_type(pa.list_(kept) if is_list(field.type) else kept)
        out.append(field)
    return out


def _is_integer(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind.value_type if is_list(kind) else kind))
