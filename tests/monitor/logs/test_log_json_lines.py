"""JSON lines: types, nested fields, and every way in which a line is broken."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from log_examples import (
    ROWS,
    canonical,
    json_lines,
    left_out,
    read_text,
    write_bytes,
)

GOOD = json_lines(ROWS)
MANY = [{**ROWS[i % 4], "req": f"r{i}"} for i in range(1000)]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b'{"ts": ', "a line is not JSON: Expecting value"),
        (b'{"ts": 1, "ts"}', "a line is not JSON: Expecting ':' delimiter"),
        (b"hello", "a line is not JSON: Expecting value"),
        (GOOD.splitlines()[0] * 2, "a line is not JSON: Extra data"),
        (b"[1, 2]", "a line is JSON but no object"),
        (b'"text"', "a line is JSON but no object"),
        (b"[" * 100_000, "a line is not JSON that can be read: too long a number or too deep"),
        (
            b'{"pos": ' + b"9" * 5000 + b"}",
            "a line is not JSON that can be read: too long a number or too deep",
        ),
        (b'{"item_id": "a\x00b"}', "a line is not JSON: Invalid control character at"),
    ],
)
def test_one_bad_line_is_left_out_counted_and_named(tmp_path: Path, bad: bytes, reason: str) -> None:
    lines = GOOD.splitlines()
    path = write_bytes(tmp_path / "part.jsonl", b"\n".join([*lines[:2], bad, *lines[2:], b"", bad]) + b"\n")
    found, quarantine = read_text(path)
    assert found == canonical(ROWS)
    assert left_out(quarantine) == [(f"{reason} (first: line 3)", 2)]
    assert quarantine.items[0].path == str(path)


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + GOOD,
        GOOD.replace(b"\n", b"\r\n"),
        b"\n\n  \n" + GOOD.replace(b"\n", b"\n\n\t\n"),
        GOOD.rstrip(b"\n"),
        GOOD.replace(b'{"ts"', b'{"item_id": "first", "extra": {"deep": [1, {"x": null}]}, "ts"'),
        gzip.compress(GOOD[:100]) + gzip.compress(GOOD[100:]),
    ],
    ids=[
        "byte order mark",
        "CRLF",
        "blank lines",
        "no newline at the end",
        "a key twice",
        "two gzip members",
    ],
)
def test_harmless_oddities_change_nothing(tmp_path: Path, data: bytes) -> None:
    found, quarantine = read_text(write_bytes(tmp_path / "part.jsonl", data))
    assert found == canonical(ROWS)
    assert (quarantine.items, quarantine.notes) == ((), ())


@pytest.mark.parametrize("also_bad", [b"", b"no json\n"], ids=["fast", "line by line"])
def test_ids_keep_every_digit_and_every_character(tmp_path: Path, also_bad: bytes) -> None:
    ids = [
        (b"18446744073709551615", "18446744073709551615"),
        (b"9007199254740993", "9007199254740993"),
        (b'"007"', "007"),
        (b'"<b>&amp;\\"\\n\\u0000"', '<b>&amp;"\n\x00'),
        ('"😀\u202e"'.encode(), "😀\u202e"),
        (b'"\\ud83d\\ude00"', "😀"),
        (b'"\\ud800"', "\\ud800"),
        (b'"gr\xfcn"', "gr\\xfcn"),
        (b"5.0", "5"),
        (b"2.5", "2.5"),
        (b"true", "true"),
        (b"null", None),
        (b'""', ""),
    ]
    for raw, expected in ids:
        line = b'{"ts": 1772427600, "item_id": ' + raw + b"}\n"
        found, _ = read_text(write_bytes(tmp_path / "part.jsonl", line * 2 + also_bad))
        assert [row["item"] for row in found] == [expected, expected], raw
    ids.append((b'{"a": 1}', None))
    every = b"".join(b'{"ts": 1772427600, "item_id": ' + raw + b"}\n" for raw, _ in ids)
    found, _ = read_text(write_bytes(tmp_path / "part.jsonl", every + also_bad))
    assert [row["item"] for row in found] == [expected for _, expected in ids]


def test_types_may_change_within_a_file(tmp_path: Path, small_blocks: None) -> None:
    odd = [{"item_id": i, "score": s} for i, s in [(1, 1), ("x", "0.5"), (2.0, None), (-3, 2)]]
    rows = [{**row, **odd[i // 250]} for i, row in enumerate(MANY)]
    found, quarantine = read_text(write_bytes(tmp_path / "part.jsonl", json_lines(rows)))
    assert found == canonical(
        {
            **r,
            "item_id": str(r["item_id"]).removesuffix(".0"),
            "score": None if r["score"] is None else float(r["score"]),
        }
        for r in rows
    )
    assert quarantine.items == ()


def test_a_field_that_appears_late_is_read(tmp_path: Path, small_blocks: None) -> None:
    rows = [{k: v for k, v in row.items() if i > 900 or k != "clicked"} for i, row in enumerate(MANY)]
    found, _ = read_text(write_bytes(tmp_path / "part.jsonl", json_lines(rows)))
    assert found == canonical({"clicked": None, **row} for row in rows)


def test_nested_fields_and_lists_of_records(tmp_path: Path, small_blocks: None) -> None:
    used = {
        "timestamp": "ev.at",
        "item": "ev.shown.id",
        "score": "ev.shown.s",
        "user": "ev.user.id",
        "request": "r",
    }
    lines = [
        {
            "ev": {"at": 1772427600000, "user": {"id": i}, "shown": [{"id": f"i{i}", "s": 1}, {"id": "b"}]},
            "r": i,
        }
        for i in range(300)
    ]
    odd = [{"ev": {"at": 1772427600000, "shown": shown}} for shown in ([], None, 5, [5], "x")]
    path = write_bytes(tmp_path / "part.jsonl", json_lines(lines + odd))
    found, quarantine = read_text(path, layout="list", columns=used)
    assert found[299] == {
        "timestamp": 1772427600000000,
        "item": ["i299", "b"],
        "request": "299",
        "user": "299",
        "score": [1.0, None],
    }
    assert [row["item"] for row in found[300:]] == [[], None, None, [None], None]
    assert quarantine.items == ()


@settings(derandomize=True, deadline=None, max_examples=100)
@given(bad=st.lists(st.tuples(st.integers(1, 4), st.binary(min_size=1, max_size=30)), min_size=1, max_size=5))
def test_lines_of_any_bytes_leave_the_good_ones_alone(bad: list[tuple[int, bytes]]) -> None:
    lines = GOOD.splitlines()
    bad = [(at, line.translate(None, b"\n{")) for at, line in bad]
    for at, line in bad:
        lines.insert(at, line)
    with tempfile.TemporaryDirectory() as folder:
        path = write_bytes(Path(folder) / "part.jsonl", b"\n".join(lines) + b"\n")
        found, quarantine = read_text(path)
    assert found == canonical(ROWS)
    assert sum(q.rows for q in quarantine.items) == sum(bool(line.strip()) for _, line in bad)
