"""A catalogue file: how many items there are, whatever file says it, and in words when none does."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.monitor.catalog.catalogues import LONG_AGO, parquet, read, refusal, written

CSV = 'item_id,name\na,1\nb,"x, y"\na,3\n'
JSON = '{"item_id": "a", "meta": {"sku": 1}}\n{"item_id": "b"}\n{"item_id": "a"}\n'


def size(path: Path, item: str = "item_id") -> int:
    return len(read(path, item).catalog)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("items.csv", CSV),
        ("items.tsv", "item_id\tname\na\t1\nb\t2\na\t3\n"),
        ("items.CSV.gz", gzip.compress(CSV.encode(), mtime=0)),
        ("items.jsonl", JSON),
        ("items.json", JSON),
        ("items.ndjson.gz", gzip.compress(JSON.encode(), mtime=0)),
    ],
)
def test_text_files(tmp_path: Path, name: str, content: str | bytes) -> None:
    assert size(written(tmp_path / name, content)) == 2


@pytest.mark.parametrize(
    "ids",
    [
        pa.array(["a", "b", "a", None, ""]),
        pa.array(["a", "b", "a"]).dictionary_encode(),
        pa.array(["a", "b", "a"], pa.large_string()),
        pa.array([b"a", b"\xff", b"a"]),
        pa.array([1, 2, 1, None]),
        pa.array([2**63, 2**64 - 1, 2**63], pa.uint64()),
        pa.array([1.0, 2.0, float("nan"), None]),
        pa.chunked_array([["a", "b"], ["b"]]),
    ],
    ids=lambda a: str(a.type),
)
def test_ids_of_any_type(tmp_path: Path, ids: Any) -> None:
    assert size(parquet(tmp_path / "items.parquet", item_id=ids)) == 2


def test_ids_are_texts(tmp_path: Path) -> None:
    assert size(written(tmp_path / "items.csv", "item_id\n007\n7\n07\n")) == 3


def test_a_field_of_a_record(tmp_path: Path) -> None:
    assert size(written(tmp_path / "items.jsonl", JSON), "meta.sku") == 1


def test_a_folder_name_that_looks_like_a_format_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.json").mkdir()
    assert size(parquet(tmp_path / "a.json" / "item_id=z.parquet", item_id=["a"])) == 1


def test_a_new_version_of_the_file_is_read_again(tmp_path: Path) -> None:
    path = written(tmp_path / "items.csv", "item_id\na\n")
    assert size(path) == 1
    written(path, "item_id\nb\nc\n", at=LONG_AGO + 60)
    assert size(path) == 2


def test_missing(tmp_path: Path) -> None:
    assert refusal(tmp_path / "items.csv") == "catalogue FILE: does not exist: check catalog.path"


def test_a_folder(tmp_path: Path) -> None:
    assert refusal(tmp_path) == "catalogue FILE: is a folder: name a file in catalog.path"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("items.csv", "is empty: a CSV file begins with a header"),
        ("items.jsonl", 'holds no item in column "item_id"'),
        ("items.parquet", "is empty (0 bytes)"),
    ],
)
def test_zero_bytes(tmp_path: Path, name: str, why: str) -> None:
    assert refusal(written(tmp_path / name, "")) == f"catalogue FILE: {why}"


@pytest.mark.parametrize(
    "ids", [pa.array([], pa.string()), pa.array([None, None], pa.string()), pa.array([""])]
)
def test_no_items(tmp_path: Path, ids: pa.Array) -> None:
    assert refusal(parquet(tmp_path / "items.parquet", item_id=ids)) == (
        'catalogue FILE: holds no item in column "item_id"'
    )


@pytest.mark.parametrize(
    ("name", "content"), [("items.csv", CSV), ("items.jsonl", JSON), ("items.csv", "item_id\n")]
)
def test_no_such_column(tmp_path: Path, name: str, content: str) -> None:
    assert refusal(written(tmp_path / name, content), "sku") == (
        'catalogue FILE: has no column "sku": set catalog.item'
    )


def test_no_such_column_of_parquet(tmp_path: Path) -> None:
    path = parquet(tmp_path / "items.parquet", id=["a"], tags=[["x"]], meta=[{"sku": 1}])
    assert refusal(path) == 'catalogue FILE: has no column "item_id": set catalog.item'
    assert refusal(path, "tags") == 'catalogue FILE: column "tags" holds lists: set catalog.item'
    assert refusal(path, "meta") == 'catalogue FILE: column "meta" holds records: set catalog.item'


def test_a_file_cut_short(tmp_path: Path) -> None:
    whole = parquet(tmp_path / "items.parquet", item_id=[f"sku-{i}" for i in range(500)]).read_bytes()
    text = refusal(written(tmp_path / "half.parquet", whole[: len(whole) // 2]))
    assert text.startswith(
        "catalogue FILE: is not a readable Parquet file: Parquet magic bytes not found in footer."
    )


def test_a_compressed_file_cut_short(tmp_path: Path) -> None:
    whole = gzip.compress("".join(f'{{"item_id": "{i * 7919 % 10007}"}}\n' for i in range(5000)).encode())
    text = refusal(written(tmp_path / "items.jsonl.gz", whole[: len(whole) // 2]))
    assert text.startswith("catalogue FILE: cannot be read in full: ")


def test_a_line_that_is_broken(tmp_path: Path) -> None:
    path = written(tmp_path / "items.jsonl", JSON + '{"item_id": "c\n')
    assert refusal(path) == (
        "catalogue FILE: cannot be read in full: "
        "a line is not JSON: Unterminated string starting at (first: line 4)"
    )


def test_text_named_parquet(tmp_path: Path) -> None:
    assert refusal(written(tmp_path / "items.parquet", CSV)).startswith(
        "catalogue FILE: is not a readable Parquet file: "
    )
