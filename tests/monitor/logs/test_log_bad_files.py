"""Files that cannot be used: quarantined with a reason, and the rest of the window is read."""

from __future__ import annotations

import os
import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from log_examples import HOUR, NOW, ROWS, canonical, config, listed, read_all, write_bytes, write_parquet

from monitor.evaluation import Quarantined
from monitor.logs import LogFile, PredictionLog, Quarantine
from monitor.logs.source import LocalSource


@pytest.fixture
def whole(tmp_path: Path) -> bytes:
    """The bytes of a good Parquet file."""
    return write_parquet(tmp_path / "elsewhere" / "whole", ROWS).read_bytes()


def window(tmp_path: Path, **settings: Any) -> tuple[list[dict[str, Any]], tuple[Quarantined, ...]]:
    """Rows of the folder `log`, planned and read, and what was quarantined."""
    log, quarantine = PredictionLog(config(tmp_path / "log", **settings)), Quarantine()
    files = log.files(HOUR, NOW).files
    cost = log.cost(files, quarantine)
    rows = read_all(log, files, quarantine).to_pylist()
    assert cost.rows == len(rows) + sum(q.rows for q in quarantine.items)
    return rows, quarantine.items


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda whole: b"", "is empty (0 bytes)"),
        (lambda whole: whole[: len(whole) // 2], "is not a readable Parquet file: "),
        (
            lambda whole: whole[:-4] + b"PAR2",
            "is not a readable Parquet file: Parquet magic bytes not found in footer.",
        ),
        (
            lambda whole: b"PAR1",
            "is not a readable Parquet file: Parquet file size is 4 bytes, smaller than the minimum",
        ),
        (
            lambda whole: b"ts,item_id\n2026-03-02,a\n",
            "is not a readable Parquet file: Parquet magic bytes not found",
        ),
        (lambda whole: whole[:-8] + b"\xff\xff\xff\x7fPAR1", "is not a readable Parquet file: "),
    ],
    ids=["empty", "truncated", "no magic", "PAR1 only", "text", "footer length"],
)
def test_a_file_that_is_not_parquet(tmp_path: Path, whole: bytes, change: Any, reason: str) -> None:
    write_bytes(tmp_path / "log" / "a.parquet", whole)
    bad = write_bytes(tmp_path / "log" / "b.parquet", change(whole))
    rows, quarantined = window(tmp_path)
    assert rows == canonical(ROWS)
    assert [(q.path, q.rows) for q in quarantined] == [(str(bad), 0)]
    assert quarantined[0].reason.startswith(reason)


def without(name: str) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k != name} for row in ROWS]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (without("ts"), "has no column 'ts' (timestamp)"),
        (without("item_id"), "has no column 'item_id' (item)"),
        (
            [{**row, "item_id": [row["item_id"]]} for row in ROWS],
            "column 'item_id' (item) holds lists: `log.layout: list` reads it",
        ),
        (
            [{**row, "item_id": {"id": "a"}} for row in ROWS],
            "column 'item_id' (item) holds records: name one of their fields",
        ),
    ],
)
def test_a_required_column_is_missing_or_of_an_impossible_type(
    tmp_path: Path, rows: Any, reason: str
) -> None:
    write_parquet(tmp_path / "log" / "a.parquet", ROWS)
    bad = write_parquet(tmp_path / "log" / "b.parquet", rows)
    assert window(tmp_path) == (canonical(ROWS), (Quarantined(str(bad), reason, 0),))


def test_the_list_layout_on_a_long_log(tmp_path: Path) -> None:
    bad = write_parquet(tmp_path / "log" / "a.parquet", ROWS)
    reason = "column 'item_id' (item) holds one value a row: `log.layout: long` reads it"
    assert window(tmp_path, layout="list") == ([], (Quarantined(str(bad), reason, 0),))


@pytest.mark.parametrize(
    "kind", [pa.list_(pa.string()), pa.struct([("v", pa.int64())]), pa.map_(pa.string(), pa.int64())]
)
def test_an_optional_column_of_an_impossible_type_is_null(tmp_path: Path, kind: pa.DataType) -> None:
    table = pa.Table.from_pylist(without("score")).append_column("score", pa.nulls(4, kind))
    path = write_parquet(tmp_path / "part.parquet", table)
    quarantine = Quarantine()
    found = read_all(PredictionLog(config(path)), [listed(path)], quarantine)
    assert found.to_pylist() == [{**row, "score": None} for row in canonical(ROWS)]
    assert quarantine.notes == (
        f"score: column 'score' holds {'lists' if pa.types.is_list(kind) else 'records'}: {path}",
    )


def test_columns_that_come_go_and_change_type_between_files(tmp_path: Path) -> None:
    variants = [
        ROWS,
        without("score"),
        [{**r, "score": "0.5", "new": 1} for r in ROWS],
        [{**r, "pos": float(r["pos"])} for r in ROWS],
    ]
    for number, rows in enumerate(variants):
        write_parquet(tmp_path / "log" / f"{number}.parquet", rows)
    rows, quarantined = window(tmp_path)
    assert quarantined == ()
    scores = [row["score"] for row in rows]
    assert scores == [r["score"] for r in ROWS] + [None] * 4 + [0.5] * 4 + [r["score"] for r in ROWS]
    assert [row["position"] for row in rows] == [r["pos"] for r in ROWS] * 4


def test_a_row_group_that_cannot_be_decoded_is_left_out_alone(tmp_path: Path) -> None:
    rows = [{**ROWS[0], "req": f"r{i}"} for i in range(300)]
    path = write_parquet(
        tmp_path / "log" / "a.parquet", rows, row_group_size=100, compression="snappy", use_dictionary=False
    )
    metadata = pq.read_metadata(path)
    column = next(c for c in range(metadata.num_columns) if metadata.schema.column(c).path == "req")
    start = metadata.row_group(1).column(column).data_page_offset
    data = bytearray(path.read_bytes())
    data[start + 40 : start + 80] = b"\xff" * 40
    write_bytes(path, bytes(data))
    found, quarantined = window(tmp_path)
    assert [row["request"] for row in found] == [f"r{i}" for i in (*range(100), *range(200, 300))]
    assert [(q.path, q.rows) for q in quarantined] == [(str(path), 100)]
    assert quarantined[0].reason.startswith("row group 1 cannot be decoded: ")


def test_a_flipped_bit_is_found_by_the_writers_checksum(tmp_path: Path) -> None:
    rows = [{**ROWS[0], "score": i / 7} for i in range(1000)]
    options = {"compression": "none", "use_dictionary": False, "write_page_checksum": True}
    path = write_parquet(tmp_path / "log" / "a.parquet", rows, **options)
    data = bytearray(path.read_bytes())
    where = data.find(
        b"".join(
            pa.array([i / 7 for i in range(20, 23)]).buffers()[1].to_pybytes()[i : i + 8] for i in (0, 8, 16)
        )
    )
    data[where] ^= 1
    write_bytes(path, bytes(data))
    found, quarantined = window(tmp_path)
    assert (found, [q.rows for q in quarantined]) == ([], [1000])


def test_random_damage_never_stops_the_window(tmp_path: Path) -> None:
    chance = random.Random(7)
    rows = [{**ROWS[i % 4], "req": f"r{i}"} for i in range(200)]
    whole = write_parquet(tmp_path / "good.parquet", rows, row_group_size=50).read_bytes()
    good = write_parquet(tmp_path / "log" / "z.parquet", ROWS)
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 20)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        write_bytes(
            tmp_path / "log" / "a.parquet",
            bytes(data[: chance.choice([len(data), chance.randrange(len(data))])]),
        )
        log, quarantine = PredictionLog(config(tmp_path / "log")), Quarantine()
        files = log.files(HOUR, NOW).files
        log.cost(files, quarantine)
        last = next(log.read(files[-1], quarantine))
        for file in files[:-1]:
            for table in log.read(file, quarantine):
                table.validate()
        assert files[-1].path == str(good)
        assert last.to_pylist() == canonical(ROWS)


def test_a_file_that_is_gone_or_replaced_after_listing(tmp_path: Path, whole: bytes) -> None:
    paths = [write_bytes(tmp_path / "log" / f"{n}.parquet", whole) for n in "abc"]
    log, quarantine = PredictionLog(config(tmp_path / "log")), Quarantine()
    files = log.files(HOUR, NOW).files
    log.cost(files, quarantine)
    paths[0].unlink()
    write_bytes(paths[1], whole + b"more")
    assert read_all(log, files, quarantine).to_pylist() == canonical(ROWS)
    assert quarantine.items == (
        Quarantined(str(paths[0]), "was deleted after it was listed", 0),
        Quarantined(
            str(paths[1]), f"changed after it was listed: {len(whole)} bytes then, {len(whole) + 4} now", 0
        ),
    )


def test_a_file_that_may_not_be_opened(tmp_path: Path, whole: bytes) -> None:
    class Locked(LocalSource):
        def open(self, path: str) -> pa.NativeFile:
            raise PermissionError(13, "Permission denied", path)

    path = write_bytes(tmp_path / "log" / "a.parquet", whole)
    log, quarantine = PredictionLog(config(tmp_path / "log"), source=Locked()), Quarantine()
    assert read_all(log, [listed(path)], quarantine).num_rows == 0
    assert quarantine.items == (
        Quarantined(str(path), f"cannot be opened: [Errno 13] Permission denied: '{path}'", 0),
    )


def test_names_that_are_no_text(tmp_path: Path, whole: bytes) -> None:
    (tmp_path / "log").mkdir()
    name = os.fsencode(tmp_path / "log") + b"/gr\xfcn\n.parquet"
    with open(name, "wb") as file:
        file.write(whole)
    os.utime(name, (1_700_000_000, 1_700_000_000))
    log, quarantine = PredictionLog(config(tmp_path / "log")), Quarantine()
    read_all(log, log.files(HOUR, NOW).files, quarantine)
    assert len(quarantine.items) == 1
    assert quarantine.items[0].path == f"{tmp_path}/log/gr\\udcfcn\\n.parquet"


def test_milliseconds_where_microseconds_were_meant_are_seen_as_1970(tmp_path: Path) -> None:
    wrong = [{**row, "ts": int(row["ts"].timestamp() * 1000)} for row in ROWS]
    table = pa.Table.from_pylist(wrong)
    path = write_parquet(
        tmp_path / "a.parquet", table.set_column(0, "ts", table["ts"].cast(pa.timestamp("us", "UTC")))
    )
    found = read_all(PredictionLog(config(path)), [listed(path)])["timestamp"].to_pylist()
    assert max(found) < datetime(1970, 2, 1).timestamp() * 1e6
    auto = write_parquet(tmp_path / "b.parquet", wrong)
    assert read_all(PredictionLog(config(auto)), [listed(auto)]).to_pylist() == canonical(ROWS)


def test_one_row_and_no_rows(tmp_path: Path) -> None:
    for rows in (ROWS[:1], []):
        path = write_parquet(tmp_path / "a.parquet", pa.Table.from_pylist(ROWS).slice(0, len(rows)))
        log = PredictionLog(config(path))
        assert log.cost([listed(path)], Quarantine()).rows == len(rows)
        assert read_all(log, [listed(path)]).to_pylist() == canonical(rows)


def test_quarantine_is_bounded_and_counts_everything() -> None:
    quarantine = Quarantine()
    for number in range(1000):
        quarantine.add_rows(f"file {number}\n", "bad", 2, line=number + 1)
        quarantine.note(f"file {number}", f"odd {number % 60}", 1)
    items = quarantine.items
    assert len(items) == 201
    assert sum(q.rows for q in items) == 2000
    assert items[0] == Quarantined("(other files)", "more than 200 different problems", 1600)
    assert items[1] == Quarantined("file 0\\n", "bad (first: line 1)", 2)
    assert len(quarantine.notes) == 50
    assert quarantine.notes[0] == "odd 0 (17 values): file 0 and 16 more files"


def test_listing_and_reading_agree_on_what_a_version_of_a_file_is(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "log" / "a.parquet", ROWS[:1])
    log = PredictionLog(config(tmp_path / "log"))
    first = log.files(HOUR, NOW).files
    assert log.cost(first, Quarantine()).rows == 1
    write_parquet(path, ROWS)
    os.utime(path, (1_700_000_100, 1_700_000_100))
    second = log.files(HOUR, NOW).files
    assert second == (LogFile(str(path), path.stat().st_size, 1_700_000_100_000_000),)
    assert log.cost(second, Quarantine()).rows == len(ROWS)
    assert second[0].modified_us - first[0].modified_us == timedelta(seconds=100) / timedelta(microseconds=1)
