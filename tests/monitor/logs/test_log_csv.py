"""CSV: quotes, newlines inside values, and records that do not fit the header."""

from __future__ import annotations

from pathlib import Path

import pytest
from log_examples import (
    ROWS,
    canonical,
    config,
    csv_lines,
    json_lines,
    left_out,
    listed,
    read_all,
    read_text,
    write_bytes,
)

from monitor.logs import PredictionLog, Quarantine
from monitor.logs.delimited import split_record

GOOD = json_lines(ROWS)
MANY = [{**ROWS[i % 4], "req": f"r{i}"} for i in range(1000)]
HEADER, *LINES = csv_lines(ROWS).splitlines()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_delimiters_are_found_out(tmp_path: Path, delimiter: str) -> None:
    found, quarantine = read_text(write_bytes(tmp_path / "part.csv", csv_lines(ROWS, delimiter)))
    assert (found, quarantine.items) == (canonical(ROWS), ())


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
@pytest.mark.usefixtures("small_blocks")
def test_csv_values_with_quotes_newlines_and_delimiters(tmp_path: Path, newline: bytes) -> None:
    odd = ['say "hi", twice', "two\nlines", "<script>", "", '"', '""', ",", "\n", "é😀", "NA", "null", "007"]
    rows = [{**row, "item_id": odd[i % len(odd)]} for i, row in enumerate(MANY)]
    data = csv_lines(rows)
    if newline == b"\r\n":
        data = data.replace(b"\n", newline)
        rows = [{**row, "item_id": row["item_id"].replace("\n", "\r\n")} for row in rows]
    found, quarantine = read_text(write_bytes(tmp_path / "part.csv", data))
    assert (found, quarantine.items) == (canonical(rows), ())


@pytest.mark.parametrize(
    ("bad", "reason", "rows"),
    [
        (b"1,2", "a record with 2 fields where the header has 7", 1),
        (LINES[0] + b",9,9", "a record with 9 fields where the header has 7", 1),
        (LINES[0].replace(b'"a"', b'"a'), "a record with a stray quote", 1),
        (LINES[0].replace(b'"a"', b'"a"b'), "a record with a stray quote", 1),
    ],
)
def test_a_bad_record_is_left_out_and_the_next_is_not(
    tmp_path: Path, bad: bytes, reason: str, rows: int
) -> None:
    path = write_bytes(tmp_path / "part.csv", b"\n".join([HEADER, *LINES[:2], bad, *LINES[2:], b""]))
    found, quarantine = read_text(path)
    assert found == canonical(ROWS)
    assert left_out(quarantine) == [(f"{reason} (first: line 4)", rows)]


def test_quotes_inside_unquoted_values_are_characters(tmp_path: Path) -> None:
    data = b'ts,item_id\n1772427600,5" screen\n1772427600,"a"\n1772427600,\n1772427600,""\n1772427600,\\N\n'
    found, quarantine = read_text(write_bytes(tmp_path / "part.csv", data))
    assert [row["item"] for row in found] == ['5" screen', "a", None, "", None]
    assert quarantine.items == ()


def test_csv_values_that_do_not_fit_their_role(tmp_path: Path) -> None:
    data = b"ts,item_id,score,pos\n1772427600,a,high,1\nsoon,b,0.5,first\n"
    path = write_bytes(tmp_path / "part.csv", data)
    quarantine = Quarantine()
    log = PredictionLog(
        config(
            path,
            format="csv",
            columns={"timestamp": "ts", "item": "item_id", "score": "score", "position": "pos"},
        )
    )
    assert read_all(log, [listed(path)], quarantine).to_pylist() == [
        {"timestamp": 1_772_427_600_000_000, "item": "a", "position": 1, "score": None},
        {"timestamp": None, "item": "b", "position": None, "score": 0.5},
    ]
    assert len(quarantine.notes) == 3


def test_lists_in_csv_are_json(tmp_path: Path) -> None:
    data = b'ts,items\n1772427600,"[""a"", 2]"\n1772427600,[]\n1772427600,\n1772427600,a|b\n'
    path = write_bytes(tmp_path / "part.csv", data)
    found, quarantine = read_text(path, layout="list", columns={"timestamp": "ts", "item": "items"})
    assert [row["item"] for row in found] == [["a", "2"], [], None, None]
    assert quarantine.notes == (f"column 'items': values that are no JSON list (1 values): {path}",)


@pytest.mark.parametrize("line", ["", "a", ",", 'a,"b"', '"a""b"', ' "a"'])
def test_records_that_are_whole(line: str) -> None:
    assert split_record(line, ",") is not None


@pytest.mark.parametrize("line", ['"', '"a', '"a"b', 'a,"b', '"a""'])
def test_records_that_are_not(line: str) -> None:
    assert split_record(line, ",") is None
