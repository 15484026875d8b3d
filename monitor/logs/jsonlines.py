"""JSON lines: blocks through Arrow's parser with an explicit schema; a block that it refuses line by line."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
from pyarrow import json as arrow_json

from monitor.logs.canonical import Canonical, usable_places
from monitor.logs.columns import Column, Kind, Place, find, is_list, leaf_fields
from monitor.logs.facts import Facts
from monitor.logs.jsonschema import guess_schema, projection
from monitor.logs.listing import LogFile
from monitor.logs.quarantine import Quarantine
from monitor.logs.source import Source
from monitor.logs.textstream import Block, blocks, end_blocks

SAMPLE = 1000  # lines from which types are guessed


class JsonReader:
    """Reads the wanted fields of JSON lines. Ids become text, whatever they are in the file."""

    def __init__(self, source: Source, columns: Sequence[Column], unit: str) -> None:
        self._source = source
        self._columns = tuple(columns)
        self._unit = unit

    def facts(self, file: LogFile) -> Facts:
        """Types from the first lines; the number of rows from their length."""
        schema, rows = self._look(file)
        types = {c.name: place.type for c in self._columns if (place := find(schema, c.path)) is not None}
        if not len(schema):  # no line could be parsed: let every line be quarantined by itself
            types = {c.name: c.empty_type for c in self._columns}
        return Facts(rows=rows, bytes=file.size, exact=False, types=types)

    def fields(self, file: LogFile) -> Mapping[str, str]:
        """Arrow type by dotted path, for every field of the first lines."""
        return {path: str(kind) for path, kind in leaf_fields(self._look(file)[0]).items()}

    def half_written(self, file: LogFile) -> bool:
        """Never: complete lines are read while the last one is being written."""
        return False

    def read(
        self,
        file: LogFile,
        quarantine: Quarantine,
        row_groups: Sequence[int] | None,
        given: Mapping[str, str | None],
        as_text: Collection[str],
        ends: bool = False,
    ) -> Iterator[pa.Table]:
        """Canonical tables in file order; a line that is no JSON object is quarantined."""
        ids = {column.name for column in self._columns if column.kind in (Kind.ID, Kind.KEY)}
        schema: pa.Schema | None = None
        seen = set(given)
        every = (
            end_blocks(self._source, file)
            if ends
            else blocks(self._source, file, quarantine, complete=is_object)
        )
        for block in every:
            if schema is None:
                schema = _schema_of(block)
            explicit, places = projection(
                schema, [c for c in self._columns if c.name not in given or find(schema, c.path)]
            )
            places = usable_places(self._columns, places, file.path, quarantine)
            batches = parse_block(block.data, explicit)
            untyped = batches is None
            if batches is None:
                objects = _good_lines(block, file, quarantine)
                batches, places = text_batches(objects, places, file, quarantine)
                schema = guess_schema(objects[:SAMPLE])
            canonical = Canonical(self._columns, places, given, ids, self._unit, untyped)
            for batch in batches:
                table = canonical.table(batch, file.path, quarantine)
                seen.update(name for name in table.column_names if table[name].null_count < len(table))
                yield table
        for column in self._columns:
            if column.name not in seen:
                quarantine.note(file.path, f"{column.name}: no field {column.path!r} with a value")

    def _look(self, file: LogFile) -> tuple[pa.Schema, int]:
        """Schema of the first lines, and how many lines the file seems to have."""
        block = next(blocks(self._source, file, Quarantine()), None)
        if block is None:
            return pa.schema([]), 0
        return _schema_of(block, nulls=True), estimated_lines(block, file)


def parse_block(data: bytes, schema: pa.Schema) -> list[pa.RecordBatch] | None:
    """Arrow's parser over whole lines; None when it refuses them or does not find one object a line."""
    try:
        table = arrow_json.read_json(
            pa.BufferReader(data),
            read_options=arrow_json.ReadOptions(use_threads=False, block_size=len(data) + 1),
            parse_options=arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
        )
    except pa.ArrowException:
        return None
    lines = data.count(b"\n") + (not data.endswith(b"\n"))
    if table.num_rows != lines and table.num_rows != sum(1 for line in data.split(b"\n") if line.strip()):
        return None
    return table.to_batches()


def text_batches(
    objects: list[dict[str, Any]], places: Mapping[str, Place], file: LogFile, quarantine: Quarantine
) -> tuple[list[pa.RecordBatch], dict[str, Place]]:
    """Wanted values as text, whatever their types, and where they are then: one column for each place."""
    out, found = {}, {}
    for name, place in places.items():
        values = [_pick(o, place.names) for o in objects]
        listed = is_list(place.type)
        fit = [v if isinstance(v, list) == listed else None for v in values]
        if lost := sum(v is not None for v in values) - sum(v is not None for v in fit):
            quarantine.note(file.path, f"{name}: values that are {'no list' if listed else 'a list'}", lost)
        if listed:
            out[name] = text_array(
                [None if v is None else [as_text(e) for e in v] for v in fit], pa.list_(pa.string())
            )
        else:
            out[name] = text_array([as_text(v) for v in fit], pa.string())
        found[name] = Place((name,), out[name].type, 0, 1)
    return [pa.RecordBatch.from_pydict(out)] if objects else [], found


def as_text(value: Any) -> str | None:
    """A JSON value as text; records and lists are null.

    >>> [as_text(v) for v in ("007", 7, 7.0, 0.5, True, None, {})]
    ['007', '7', '7', '0.5', 'true', None, None]
    """
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < 2**63 else repr(value)
        case _:
            return None


def text_array(values: list[Any], kind: pa.DataType) -> pa.Array:
    """Strings, or lists of them; what is no Unicode text is written with backslashes."""
    try:
        return pa.array(values, kind)
    except UnicodeEncodeError:
        return pa.array(
            [[_visible(e) for e in v] if isinstance(v, list) else _visible(v) for v in values], kind
        )


def _visible(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        raw = text.encode("utf-8", "surrogateescape")  # bytes of the file that were no UTF-8
    except UnicodeEncodeError:
        raw = text.encode("utf-8", "backslashreplace")  # half a surrogate pair, escaped in the JSON
    return raw.decode("utf-8", "backslashreplace")


def _pick(value: Any, names: Sequence[str]) -> Any:
    if not names:
        return value
    if isinstance(value, list):
        return [_pick(v, names) for v in value]
    return _pick(value.get(names[0]), names[1:]) if isinstance(value, dict) else None


def _good_lines(block: Block, file: LogFile, quarantine: Quarantine) -> list[dict[str, Any]]:
    out = []
    for number, line in enumerate(block.data.split(b"\n"), block.line):
        if line.strip():
            try:
                out.append(parse_line(line))
            except ValueError as error:
                quarantine.add_rows(file.path, str(error), 1, number)
    return out


def parse_line(line: bytes) -> dict[str, Any]:
    """One JSON object.

    Raises
    ------
    ValueError
        With a reason that is the same for lines that are bad in the same way.
    """
    try:
        value = json.loads(line.decode("utf-8", "surrogateescape"))
    except json.JSONDecodeError as error:
        raise ValueError(f"a line is not JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError("a line is not JSON that can be read: too long a number or too deep") from error
    if not isinstance(value, dict):
        raise ValueError("a line is JSON but no object")
    return value


def is_object(line: bytes) -> bool:
    """Whether the line is whole: what begins with a whole object and goes on is no JSON."""
    try:
        return bool(parse_line(line))
    except ValueError:
        return False


def estimated_lines(block: Block, file: LogFile) -> int:
    """How many lines the file has, if the rest is like its first block."""
    lines = block.data.count(b"\n") + (not block.data.endswith(b"\n"))
    return max(lines, round(lines * file.size / max(block.taken, 1)))


def _schema_of(block: Block, nulls: bool = False) -> pa.Schema:
    objects = []
    for line in block.data[: 1 << 20].split(b"\n")[:SAMPLE]:
        with contextlib.suppress(ValueError):
            objects.append(parse_line(line))
    return guess_schema(objects, nulls)
