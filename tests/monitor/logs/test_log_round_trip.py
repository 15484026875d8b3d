"""Any rows, written in any format and layout, come back as the same canonical rows."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st
from log_examples import COMPRESSIONS, canonical, config, csv_lines, json_lines, listed, read_all, write_bytes

from monitor.logs import PredictionLog, Quarantine

LAW = settings(derandomize=True, deadline=None, max_examples=60)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
moments = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1)).map(lambda t: t.replace(tzinfo=UTC))
rows = st.lists(
    st.fixed_dictionaries(
        {
            "ts": moments,
            "item_id": text,
            "req": st.none() | text,
            "uid": st.none() | text,
            "pos": st.none() | st.integers(-(2**53) + 1, 2**53 - 1),
            "score": st.none() | st.floats(allow_nan=False),
            "clicked": st.none() | st.booleans(),
        }
    ),
    min_size=1,
    max_size=30,
)
SCHEMA = pa.schema(
    [
        ("ts", pa.timestamp("us", "UTC")),
        ("item_id", pa.string()),
        ("req", pa.string()),
        ("uid", pa.string()),
        ("pos", pa.int64()),
        ("score", pa.float64()),
        ("clicked", pa.bool_()),
    ]
)


def come_back(data: bytes, expected: list[dict[str, Any]], name: str, **changes: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write_bytes(Path(folder) / name, data)
        quarantine = Quarantine()
        found = read_all(PredictionLog(config(path, **changes)), [listed(path)], quarantine)
        assert found.to_pylist() == expected
        assert quarantine.items == ()


def parquet(table: pa.Table, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **options)
    return bytes(sink.getvalue())


@LAW
@given(
    rows=rows,
    text_type=st.sampled_from([pa.string(), pa.large_string(), pa.binary()]),
    groups=st.integers(1, 9),
)
def test_parquet(rows: list[dict[str, Any]], text_type: pa.DataType, groups: int) -> None:
    schema = pa.schema([f.with_type(text_type) if f.type == pa.string() else f for f in SCHEMA])
    table = pa.Table.from_pylist(rows, schema=SCHEMA).cast(schema)
    come_back(
        parquet(table, row_group_size=groups, use_dictionary=groups % 2 == 0), canonical(rows), "log.parquet"
    )


@LAW
@given(rows=rows, compression=st.sampled_from(sorted(COMPRESSIONS)), spoilt=st.booleans())
def test_json_lines_fast_and_line_by_line(rows: list[dict[str, Any]], compression: str, spoilt: bool) -> None:
    lines = json_lines(rows)
    if spoilt:  # a key that comes twice is refused by the fast parser and harmless
        lines = lines.replace(b'{"ts"', b'{"n": 1, "n": 2, "ts"', 1)
    come_back(COMPRESSIONS[compression](lines), canonical(rows), f"log.jsonl{compression}", format="jsonl")


@LAW
@given(rows=rows, compression=st.sampled_from(sorted(COMPRESSIONS)), delimiter=st.sampled_from(",;\t|"))
def test_csv(rows: list[dict[str, Any]], compression: str, delimiter: str) -> None:
    data = COMPRESSIONS[compression](csv_lines(rows, delimiter))
    come_back(data, canonical(rows), f"log.csv{compression}", format="csv")


@LAW
@given(rows=rows, spoilt=st.booleans())
def test_list_layouts_hold_the_same_as_the_long_one(rows: list[dict[str, Any]], spoilt: bool) -> None:
    requests = [list(group) for _, group in groupby(rows, key=lambda row: row["req"])]
    heads = [{"ts": r[0]["ts"], "req": r[0]["req"], "uid": r[0]["uid"]} for r in requests]
    per_item = ("item_id", "pos", "score", "clicked")
    parallel = [
        h | {n: [row[n] for row in r] for n in per_item} for h, r in zip(heads, requests, strict=True)
    ]
    records = [
        h | {"shown": [{n: row[n] for n in per_item} for row in r]}
        for h, r in zip(heads, requests, strict=True)
    ]
    nested = {
        role: f"shown.{n}" for role, n in zip(("item", "position", "score", "click"), per_item, strict=True)
    }
    columns = {"timestamp": "ts", "request": "req", "user": "uid"} | nested
    expected = canonical(parallel)

    element = pa.struct([SCHEMA.field(n) for n in per_item])
    of_lists = pa.schema([SCHEMA.field(n).with_type(pa.list_(SCHEMA.field(n).type)) for n in per_item])
    flat = pa.schema([SCHEMA.field(n) for n in ("ts", "req", "uid")])
    listed_schema = pa.unify_schemas([flat, of_lists])
    record_schema = flat.append(pa.field("shown", pa.large_list(element)))
    come_back(
        parquet(pa.Table.from_pylist(parallel, schema=listed_schema)), expected, "log.parquet", layout="list"
    )
    come_back(
        parquet(pa.Table.from_pylist(records, schema=record_schema)),
        [{"timestamp": None} | e for e in expected],
        "log.parquet",
        layout="list",
        columns=columns,
    )
    last = b'{"n": 1, "n": 2, "ts": null}\n' if spoilt else b""
    gone = [dict.fromkeys(expected[0])] if spoilt else []
    come_back(json_lines(parallel) + last, expected + gone, "log.jsonl", layout="list", format="jsonl")
    come_back(
        json_lines(records) + last,
        expected + gone,
        "log.jsonl",
        layout="list",
        format="jsonl",
        columns=columns,
    )


@LAW
@given(
    ids=st.lists(
        st.none() | st.integers(0, 2**64 - 1) | st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20
    ),
    spoilt=st.booleans(),
)
def test_integer_ids_lose_no_digit(ids: list[int | None], spoilt: bool) -> None:
    numbers = [n for n in ids if n is not None]
    used = {"timestamp": "ts", "item": "item_id"}
    moment = datetime(2026, 3, 2, 5, tzinfo=UTC)
    rows = [{"ts": moment, "item_id": n} for n in ids]
    roles = {"timestamp": "ts", "item": "item_id"}
    kind = pa.uint64() if numbers and max(numbers) >= 2**63 else pa.int64()
    if all(n >= 0 or kind == pa.int64() for n in numbers):
        table = pa.table({"ts": [moment] * len(ids), "item_id": pa.array(ids, kind)})
        come_back(parquet(table), canonical(rows, **roles), "log.parquet", columns=used)
    as_text = [{**row, "item_id": None if row["item_id"] is None else str(row["item_id"])} for row in rows]
    lines = json_lines(rows).replace(b'{"ts"', b'{"n": 1, "n": 2, "ts"', int(spoilt))
    come_back(lines, canonical(as_text, **roles), "log.jsonl", columns=used, format="jsonl")
    come_back(csv_lines(rows), canonical(as_text, **roles), "log.csv", columns=used, format="csv")
