"""Rows, the files that hold them, and a plain way to read them back."""

from __future__ import annotations

import bz2
import gzip
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from monitor.config.models import Columns, LogConfig
from monitor.logs import LogFile, PredictionLog, Quarantine
from monitor.windows import EPOCH, Window

HOUR = Window(datetime(2026, 3, 2, 5, tzinfo=UTC), datetime(2026, 3, 2, 6, tzinfo=UTC))
NOW = HOUR.end + timedelta(minutes=10)
ROLES = {
    "timestamp": "ts",
    "item": "item_id",
    "request": "req",
    "user": "uid",
    "position": "pos",
    "score": "score",
    "click": "clicked",
}
ROWS: list[dict[str, Any]] = [
    {
        "ts": HOUR.start + timedelta(seconds=s),
        "item_id": i,
        "req": r,
        "uid": u,
        "pos": p,
        "score": x,
        "clicked": c,
    }
    for s, i, r, u, p, x, c in [
        (0, "a", "r1", "u1", 1, 0.5, True),
        (0, "b", "r1", "u1", 2, 0.25, False),
        (7, "a", "r2", None, 1, None, None),
        (9, "", "r3", "u2", 1, 0.125, False),
    ]
]


def microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def columns(**changes: str | None) -> Columns:
    return Columns(**{**ROLES, **changes})  # type: ignore[arg-type]  # each value is a str or None


def config(path: Path | str, **settings: Any) -> LogConfig:
    return LogConfig(**{"path": str(path), "columns": columns(), **settings})


def write_parquet(path: Path, rows: Sequence[Mapping[str, Any]] | pa.Table, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(list(rows))
    pq.write_table(table, path, **options)
    return make_old(path)


def write_bytes(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return make_old(path)


def json_line(row: Mapping[str, Any]) -> bytes:
    return json.dumps({k: v.isoformat() if isinstance(v, datetime) else v for k, v in row.items()}).encode()


def json_lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    return b"".join(json_line(row) + b"\n" for row in rows)


def csv_lines(rows: Sequence[Mapping[str, Any]], delimiter: str = ",") -> bytes:
    """Text is quoted, null is nothing at all."""

    def field(value: Any) -> str:
        match value:
            case None:
                return ""
            case bool():
                return str(value).lower()
            case datetime():
                return value.isoformat()
            case str():
                return '"' + value.replace('"', '""') + '"'
            case _:
                return repr(value)

    lines = [delimiter.join(rows[0])] + [delimiter.join(field(row[name]) for name in rows[0]) for row in rows]
    return "".join(line + "\n" for line in lines).encode()


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return bytes(sink.getvalue())


COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": zstd,
    ".bz2": bz2.compress,
}


def make_old(path: Path) -> Path:
    """Not being written any more: nothing in these tests depends on when they run."""
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path


def make_young(path: Path) -> Path:
    """Being written, whenever the test runs."""
    os.utime(path, (4_000_000_000, 4_000_000_000))
    return path


def listed(path: Path) -> LogFile:
    found = os.stat(path)
    return LogFile(str(path), found.st_size, found.st_mtime_ns // 1000)


def read_all(log: PredictionLog, files: Iterable[LogFile], quarantine: Quarantine | None = None) -> pa.Table:
    quarantine = quarantine or Quarantine()
    tables = [table for file in files for table in log.read(file, quarantine)]
    return pa.concat_tables(tables) if tables else pa.table({})


def canonical(rows: Iterable[Mapping[str, Any]], **roles: str) -> list[dict[str, Any]]:
    """The rows as the canonical table should have them."""
    names = roles or ROLES
    return [
        {role: microseconds(v) if isinstance(v := row[path], datetime) else v for role, path in names.items()}
        for row in rows
    ]


def read_text(path: Path, **settings: Any) -> tuple[list[dict[str, Any]], Quarantine]:
    """Rows of a text file, and what was left out."""
    quarantine = Quarantine()
    log = PredictionLog(config(path, **{"format": "csv" if ".csv" in path.name else "jsonl", **settings}))
    return read_all(log, log.files(HOUR, NOW).files, quarantine).to_pylist(), quarantine


def left_out(quarantine: Quarantine) -> list[tuple[str, int]]:
    return [(q.reason, q.rows) for q in quarantine.items]
