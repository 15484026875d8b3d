"""What JSON lines and CSV have in common: compression, broken ends, what they cost."""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from log_examples import (
    COMPRESSIONS,
    HOUR,
    NOW,
    ROWS,
    canonical,
    config,
    csv_lines,
    json_line,
    json_lines,
    left_out,
    listed,
    make_young,
    read_all,
    read_text,
    write_bytes,
    zstd,
)

import monitor.logs.textstream as textstream
from monitor.errors import LogError
from monitor.logs import PredictionLog, Quarantine

GOOD = json_lines(ROWS)
MANY = [{**ROWS[i % 4], "req": f"r{i}"} for i in range(1000)]


@pytest.mark.parametrize("compression", list(COMPRESSIONS))
@pytest.mark.parametrize("log_format", ["jsonl", "csv"])
@pytest.mark.usefixtures("small_blocks")
def test_rows_come_back_over_every_seam(tmp_path: Path, log_format: str, compression: str) -> None:
    data = json_lines(MANY) if log_format == "jsonl" else csv_lines(MANY)
    path = write_bytes(tmp_path / f"part.{log_format}{compression}", COMPRESSIONS[compression](data))
    found, quarantine = read_text(path)
    assert found == canonical(MANY)
    assert (quarantine.items, quarantine.notes) == ((), ())


@pytest.mark.parametrize("name", ["lies.jsonl", "lies.jsonl.zst"])
def test_what_is_inside_counts_and_not_the_suffix(tmp_path: Path, name: str) -> None:
    assert read_text(write_bytes(tmp_path / name, gzip.compress(GOOD)))[0] == canonical(ROWS)
    assert read_text(write_bytes(tmp_path / "plain.jsonl.gz", GOOD))[0] == canonical(ROWS)


def test_the_canonical_types(tmp_path: Path) -> None:
    text = pa.dictionary(pa.int32(), pa.string())
    for name, data in (("a.jsonl", GOOD), ("a.csv", csv_lines(ROWS))):
        path = write_bytes(tmp_path / name, data)
        log = PredictionLog(config(path, format=name[2:]))
        assert [f.type for f in next(log.read(listed(path), Quarantine())).schema] == [
            pa.int64(),
            text,
            pa.string(),
            text,
            pa.int64(),
            pa.float64(),
            pa.bool_(),
        ]


def test_a_truncated_last_line(tmp_path: Path) -> None:
    found, quarantine = read_text(write_bytes(tmp_path / "old.jsonl", GOOD[:-30]))
    assert found == canonical(ROWS[:3])
    assert left_out(quarantine) == [
        ("a line is not JSON: Unterminated string starting at (first: line 4)", 1)
    ]
    found, quarantine = read_text(make_young(write_bytes(tmp_path / "young.jsonl", GOOD[:-30])))
    assert (found, left_out(quarantine)) == (canonical(ROWS[:3]), [])
    found, quarantine = read_text(make_young(write_bytes(tmp_path / "young.jsonl", GOOD[:-1])))
    assert (found, left_out(quarantine)) == (canonical(ROWS), [])  # a whole object is a whole line
    found, quarantine = read_text(make_young(write_bytes(tmp_path / "young.csv", csv_lines(ROWS)[:-1])))
    assert (found, left_out(quarantine)) == (canonical(ROWS[:3]), [])  # what looks whole may not be, in CSV


@settings(derandomize=True, deadline=None, max_examples=150)
@given(
    log_format=st.sampled_from(["jsonl", "csv"]),
    compression=st.sampled_from(sorted(COMPRESSIONS)),
    damage=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=20),
    kept=st.floats(0, 1),
)
def test_random_damage_never_stops_the_window(
    log_format: str, compression: str, damage: list[tuple[float, int]], kept: float
) -> None:
    data = bytearray(
        COMPRESSIONS[compression](json_lines(MANY[:50]) if log_format == "jsonl" else csv_lines(MANY[:50]))
    )
    for where, value in damage:
        data[int(where * len(data))] = value
    with tempfile.TemporaryDirectory() as folder:
        path = write_bytes(
            Path(folder) / f"part.{log_format}{compression}", bytes(data[: int(kept * len(data))])
        )
        log, quarantine = PredictionLog(config(path, format=log_format)), Quarantine()
        log.cost([listed(path)], quarantine)
        for table in log.read(listed(path), quarantine):
            table.validate(full=True)


def test_what_was_added_after_listing_is_for_later(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "part.jsonl", json_lines(ROWS[:2]))
    log = PredictionLog(config(path, format="jsonl"))
    before = log.files(HOUR, NOW).files
    write_bytes(path, GOOD)
    assert read_all(log, before).to_pylist() == canonical(ROWS[:2])
    assert read_all(log, log.files(HOUR, NOW).files).to_pylist() == canonical(ROWS)


@pytest.mark.parametrize(("pack", "codec"), [(gzip.compress, "gzip"), (zstd, "zstd")])
def test_a_truncated_stream_gives_its_good_part(tmp_path: Path, pack: Any, codec: str) -> None:
    rows = [{**row, "uid": f"{i * 7919 % 1009:x}"} for i, row in enumerate(MANY * 5)]
    packed = pack(json_lines(rows))
    path = write_bytes(tmp_path / "part.jsonl.gz", packed[: len(packed) * 2 // 3])
    found, quarantine = read_text(path)
    assert len(found) > 1000
    assert found == canonical(rows)[: len(found)]
    reasons = [q.reason for q in quarantine.items]
    assert any(r.startswith(f"compressed data ({codec}) is broken or ends early") for r in reasons)
    young, quarantine = read_text(make_young(path))
    assert (young, quarantine.items) == (found, ())


def test_garbage_after_a_stream_is_quarantined(tmp_path: Path) -> None:
    found, quarantine = read_text(
        write_bytes(tmp_path / "part.jsonl.gz", gzip.compress(GOOD) + b"garbage here")
    )
    assert found == canonical(ROWS)
    assert quarantine.items[0].reason.startswith("compressed data (gzip) is broken or ends early")


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_line_without_end_is_left_out_in_bounded_memory(
    tmp_path: Path, pack: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(textstream, "BLOCK", 10_000)
    monkeypatch.setattr(textstream, "LONGEST_LINE", 1_000_000)
    lines = GOOD.splitlines(keepends=True)
    data = b"".join(lines[:2]) + b'{"item_id": "' + b"x" * 20_000_000 + b'"}\n' + b"".join(lines[2:])
    path = write_bytes(tmp_path / "part.jsonl", pack(data))
    before = pa.total_allocated_bytes()
    found, quarantine = read_text(path)
    assert found == canonical(ROWS)
    assert left_out(quarantine) == [("a line longer than 1 MB (first: line 3)", 1)]
    assert pa.total_allocated_bytes() - before < 5_000_000


def test_empty_text_files(tmp_path: Path) -> None:
    assert read_text(write_bytes(tmp_path / "a.jsonl", b""))[0] == []
    found, quarantine = read_text(write_bytes(tmp_path / "a.csv", b""))
    assert found == []
    assert left_out(quarantine) == [("is empty: a CSV file begins with a header", 0)]
    assert read_text(write_bytes(tmp_path / "b.csv", csv_lines(ROWS).splitlines()[0]))[0] == []


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_text_in_another_encoding_is_named(tmp_path: Path, name: str) -> None:
    found, quarantine = read_text(write_bytes(tmp_path / name, GOOD.decode().encode("utf-16")))
    assert (found, left_out(quarantine)) == ([], [("is UTF-16 text: only UTF-8 is read", 0)])


def test_a_file_of_other_things_is_named(tmp_path: Path) -> None:
    found, quarantine = read_text(write_bytes(tmp_path / "a.jsonl", b'{"level": "info"}\n'))
    assert (found, left_out(quarantine)) == ([], [("has no column 'ts' (timestamp)", 0)])
    found, quarantine = read_text(write_bytes(tmp_path / "a.csv", b"ts,product\n1,2\n"))
    assert (found, left_out(quarantine)) == ([], [("has no column 'item_id' (item)", 0)])


def test_cost_of_text_is_an_estimate_from_its_first_lines(tmp_path: Path) -> None:
    for name, data in (
        ("a.jsonl", json_lines(MANY)),
        ("a.csv", csv_lines(MANY)),
        ("a.jsonl.gz", gzip.compress(json_lines(MANY))),
    ):
        path = write_bytes(tmp_path / name, data)
        log = PredictionLog(config(path, format="csv" if "csv" in name else "jsonl"))
        cost = log.cost([listed(path)], Quarantine())
        assert (cost.bytes, cost.exact, cost.rows) == (len(data), False, 1000)


def test_the_span_of_text_needs_only_the_ends_of_large_files(tmp_path: Path, small_blocks: None) -> None:
    junk = b'{"ts": 99, "item_id": "middle"}\n'
    data = json_line(ROWS[0]) + b"\n" + junk * 10_000 + json_line(ROWS[3]) + b"\n"
    path = write_bytes(tmp_path / "part.jsonl", data)
    assert PredictionLog(config(path, format="jsonl")).span() == (ROWS[0]["ts"], ROWS[3]["ts"])
    path = write_bytes(tmp_path / "part.csv", csv_lines([ROWS[0], *MANY, ROWS[3]]))
    assert PredictionLog(config(path, format="csv")).span() == (ROWS[0]["ts"], ROWS[3]["ts"])


def test_fields_of_text(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "a.jsonl", json.dumps({"a": {"b": [{"c": 1}]}, "d": 2**63}).encode())
    log = PredictionLog(config(path, format="jsonl"))
    assert log.fields(listed(path)) == {"a.b.c": "list<item: int64>", "d": "uint64"}
    with pytest.raises(LogError, match="is empty: a CSV file begins with a header"):
        PredictionLog(config(path, format="csv")).fields(listed(write_bytes(tmp_path / "b.csv", b"")))
