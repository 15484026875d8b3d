"""CSV: blocks of whole records through Arrow's parser; blocks with stray quotes record by record."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from monitor.logs.canonical import Canonical
from monitor.logs.columns import Column, Place
from monitor.logs.facts import Facts
from monitor.logs.jsonlines import as_text, estimated_lines, text_array
from monitor.logs.listing import LogFile
from monitor.logs.quarantine import Quarantine
from monitor.logs.source import BadFile, Source
from monitor.logs.textstream import Block, blocks, end_blocks

DELIMITERS = ",;\t|"
NULLS = ("", "\\N")  # not NA or null, which are ids somewhere
LONGEST_RECORD = 50  # lines that a quoted value may span where quotes are irregular
QUOTE, NEWLINE, RETURN = b'"\n\r'


class CsvReader:
    """Reads the wanted columns of CSV files with a header. Ids are text."""

    def __init__(self, source: Source, columns: Sequence[Column], unit: str) -> None:
        self._source = source
        self._columns = tuple(columns)
        self._unit = unit

    def facts(self, file: LogFile) -> Facts:
        """Columns from the header, which is the first record; the number of rows from their length."""
        names, _, block = self._header(file)
        types = {
            c.name: pa.list_(pa.string()) if c.listed else pa.string()
            for c in self._columns
            if c.path in names
        }
        return Facts(rows=max(0, estimated_lines(block, file) - 1), bytes=file.size, exact=False, types=types)

    def fields(self, file: LogFile) -> Mapping[str, str]:
        """Every column is text."""
        return dict.fromkeys(self._header(file)[0], "string")

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
        """Canonical tables in file order; a record with another number of fields than the header is quarantined."""
        names, delimiter, _ = self._header(file)
        for column in self._columns:
            if column.path not in names and column.name not in given:
                quarantine.note(file.path, f"{column.name}: no column {column.path!r}")
        wanted = list(dict.fromkeys(c.path for c in self._columns if c.path in names))
        places = {
            c.name: Place((c.path,), pa.list_(pa.string()) if c.listed else pa.string(), 0, 1)
            for c in self._columns
            if c.path in names
        }
        canonical = Canonical(self._columns, places, given, frozenset(), self._unit, untyped=True)
        listed = {c.path for c in self._columns if c.listed}
        first = True

        def cut(data: bytes, final: bool) -> int:
            return cut_records(data, final, delimiter)

        every = end_blocks(self._source, file, cut) if ends else blocks(self._source, file, quarantine, cut)
        for block in every:
            if first:
                end = cut_header(block.data)
                block, first = (
                    Block(block.data[end:], block.line + block.data.count(b"\n", 0, end), block.taken),
                    False,
                )
            for batch in _batches(block, names, wanted, delimiter, file, quarantine):
                if listed:
                    batch = _with_lists(batch, listed, file, quarantine)
                yield canonical.table(batch, file.path, quarantine)

    def _header(self, file: LogFile) -> tuple[list[str], str, Block]:
        """Column names, the delimiter that separates them, and the first block."""
        block = next(blocks(self._source, file, Quarantine()), None)
        if block is None:
            raise BadFile("is empty: a CSV file begins with a header")
        line = block.data[: cut_header(block.data)].decode("utf-8", "backslashreplace").rstrip("\r\n")
        by_delimiter = {d: [name or "" for name in split_record(line, d) or []] for d in DELIMITERS}
        required = {c.path for c in self._columns}
        best = max(DELIMITERS, key=lambda d: (len(required & set(by_delimiter[d])), len(by_delimiter[d])))
        return by_delimiter[best], best, block


def cut_header(data: bytes) -> int:
    """Length of the first record with its newline."""
    end = -1
    while (end := data.find(b"\n", end + 1)) >= 0:
        if data.count(b'"', 0, end) % 2 == 0:
            return end + 1
    return len(data)


def cut_records(data: bytes, final: bool, delimiter: str) -> int:
    """Length of the part that ends with a complete record; quoted values may hold newlines."""
    if final:
        return len(data)
    if b'"' not in data:
        return data.rfind(b"\n") + 1
    characters = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(characters == QUOTE)
    newlines = np.flatnonzero(characters == NEWLINE)
    if not regular_quotes(data, delimiter):
        # Keep some lines back, in case a quoted value goes on in the next block.
        return int(newlines[-LONGEST_RECORD]) + 1 if len(newlines) > LONGEST_RECORD else 0
    outside = newlines[np.searchsorted(quotes, newlines) % 2 == 0]
    return int(outside[-1]) + 1 if len(outside) else 0


def regular_quotes(data: bytes, delimiter: str) -> bool:
    """Whether every quote opens a value at its start, closes it at its end, or is doubled inside."""
    characters = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(characters == QUOTE)
    opening, closing = quotes[0::2], quotes[1::2]
    before = np.where(opening > 0, characters[opening - 1], NEWLINE)
    after = np.where(closing + 1 < len(data), characters[np.minimum(closing + 1, len(data) - 1)], NEWLINE)
    starts = np.isin(before, (ord(delimiter), NEWLINE, QUOTE))
    ends = np.isin(after, (ord(delimiter), NEWLINE, RETURN, QUOTE))
    return bool(starts.all() and ends.all())


def split_record(line: str, delimiter: str) -> list[str | None] | None:
    """The values of one record without its newline, None where a quote is out of place.

    >>> split_record('a,"b ""c"", d",,""', ",")
    ['a', 'b "c", d', None, '']
    """
    field = re.compile(
        rf'(?:"((?:[^"]++|"")*+)"|([^"{re.escape(delimiter)}][^{re.escape(delimiter)}]*+)?)({re.escape(delimiter)}|\Z)',
        re.S,
    )
    out: list[str | None] = []
    position = 0
    while match := field.match(line, position):
        quoted, plain, end = match.groups()
        out.append(quoted.replace('""', '"') if quoted is not None else None if plain in NULLS else plain)
        if not end:
            return out
        position = match.end()
    return None


def _batches(
    block: Block, names: list[str], wanted: list[str], delimiter: str, file: LogFile, quarantine: Quarantine
) -> list[pa.RecordBatch]:
    if not block.data.strip():
        return []
    if b'"' not in block.data or (block.data.count(b'"') % 2 == 0 and regular_quotes(block.data, delimiter)):
        return _parsed(block, names, wanted, delimiter, file, quarantine)
    return _parsed_slowly(block, names, wanted, delimiter, file, quarantine)


def _parsed(
    block: Block, names: list[str], wanted: list[str], delimiter: str, file: LogFile, quarantine: Quarantine
) -> list[pa.RecordBatch]:
    def skip(row: arrow_csv.InvalidRow) -> str:
        line = None if row.number is None else block.line + row.number - 1
        quarantine.add_rows(file.path, _miscounted(row.actual_columns, len(names)), 1, line)
        return "skip"

    numbered = [str(i) for i in range(len(names))]  # names of a header may repeat
    table = arrow_csv.read_csv(
        pa.BufferReader(block.data),
        read_options=arrow_csv.ReadOptions(
            use_threads=False, block_size=len(block.data) + 1, column_names=numbered
        ),
        parse_options=arrow_csv.ParseOptions(
            delimiter=delimiter, newlines_in_values=b'"' in block.data, invalid_row_handler=skip
        ),
        convert_options=arrow_csv.ConvertOptions(
            check_utf8=False,
            column_types=dict.fromkeys(numbered, pa.string()),
            include_columns=[str(names.index(name)) for name in wanted],
            null_values=list(NULLS),
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    return table.rename_columns(wanted).to_batches()


def _parsed_slowly(
    block: Block, names: list[str], wanted: list[str], delimiter: str, file: LogFile, quarantine: Quarantine
) -> list[pa.RecordBatch]:
    """Record by record: a line whose quotes never close is left out by itself."""
    lines = block.data.decode("utf-8", "surrogateescape").split("\n")
    records: list[list[str | None]] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        if not line.strip():
            at += 1
            continue
        record, taken = split_record(line.removesuffix("\r"), delimiter), 1
        while record is None and taken < LONGEST_RECORD and at + taken < len(lines) and line.count('"') % 2:
            line += "\n" + lines[at + taken]
            taken += 1
            record = split_record(line.removesuffix("\r"), delimiter)
        if record is not None and len(record) == len(names):
            records.append(record)
            at += taken
        else:
            what = "a record with a stray quote" if record is None else _miscounted(len(record), len(names))
            quarantine.add_rows(file.path, what, 1, block.line + at)
            at += 1
    columns = {name: [record[names.index(name)] for record in records] for name in wanted}
    return (
        [pa.RecordBatch.from_pydict({n: text_array(v, pa.string()) for n, v in columns.items()})]
        if records
        else []
    )


def _miscounted(found: int, expected: int) -> str:
    return f"a record with {found} fields where the header has {expected}"


def _with_lists(
    batch: pa.RecordBatch, listed: Collection[str], file: LogFile, quarantine: Quarantine
) -> pa.RecordBatch:
    """Columns whose values are lists written as JSON: `["a", "b"]`."""
    out = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if name not in listed:
            out[name] = column
            continue
        values, lost = [], 0
        for raw in column.cast(pa.binary()).to_pylist():
            try:
                value = None if raw is None else json.loads(raw.decode("utf-8", "surrogateescape"))
            except (ValueError, RecursionError):
                value, lost = None, lost + 1
            if value is not None and not isinstance(value, list):
                value, lost = None, lost + 1
            values.append(None if value is None else [as_text(e) for e in value])
        if lost:
            quarantine.note(file.path, f"column {name!r}: values that are no JSON list", lost)
        out[name] = text_array(values, pa.list_(pa.string()))
    return pa.RecordBatch.from_pydict(out)
