"""Values of every type in the canonical columns that roles and slices become."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from log_examples import ROLES, columns, config, listed, read_all, write_parquet

from monitor.logs import PredictionLog, Quarantine
from monitor.logs.times import to_microseconds

TEXT = pa.dictionary(pa.int32(), pa.string())
INSTANT = datetime(2026, 3, 2, 5, 0, 1, 250_000, tzinfo=UTC)
INSTANT_US = 1_772_427_601_250_000


def one_column(tmp_path: Path, role: str, values: pa.Array, note: bool = False, **settings: Any) -> Any:
    """What a role becomes when its column holds these values."""
    n = len(values)
    data: dict[str, Any] = {"ts": pa.array([INSTANT] * n, pa.timestamp("us", "UTC")), "item_id": ["x"] * n}
    data[ROLES.get(role, role)] = values
    path = write_parquet(tmp_path / "part.parquet", pa.table(data))
    used = {r: c for r, c in ROLES.items() if r in ("timestamp", "item", role)}
    log = PredictionLog(config(path, columns=used, **settings), [] if role in ROLES else [role])
    quarantine = Quarantine()
    table = read_all(log, [listed(path)], quarantine)
    assert not quarantine.items
    assert bool(quarantine.notes) == note, quarantine.notes
    return table[role]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([INSTANT], pa.timestamp("us", "UTC")),
        pa.array([INSTANT], pa.timestamp("ns", "Asia/Tokyo")),
        pa.array([INSTANT], pa.timestamp("ms")),
        pa.array([INSTANT_US]),
        pa.array([INSTANT_US // 1000]),
        pa.array([INSTANT_US * 1000]),
        pa.array([INSTANT_US * 1000], pa.uint64()),
        pa.array([INSTANT_US / 1e6]),
        pa.array([Decimal("1772427601.25")]),
        pa.array(["2026-03-02T05:00:01.25Z"]),
        pa.array(["2026-03-02T06:00:01.250000000+01:00"], pa.large_string()),
        pa.array(["2026-03-02 05:00:01.250"]),
        pa.array(["2026-03-02 05:00:01.250 UTC"], pa.string_view()),
        pa.array(["1772427601.25"]),
        pa.array(["1772427601250"]).dictionary_encode(),
    ],
    ids=str,
)
def test_timestamps_of_every_kind_are_the_same_instant(tmp_path: Path, values: pa.Array) -> None:
    assert one_column(tmp_path, "timestamp", values).to_pylist() == [INSTANT_US]


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        (pa.array([date(2026, 3, 2)]), 1_772_409_600),
        (pa.array(["2026-03-02"]), 1_772_409_600),
        (pa.array(["20260302"]), 1_772_409_600),
        (pa.array([INSTANT_US // 1_000_000], pa.int32()), INSTANT_US // 1_000_000),
        (pa.array([0]), 0),
        (pa.array([-5]), -5),
    ],
)
def test_timestamps_in_whole_seconds(tmp_path: Path, values: pa.Array, seconds: int) -> None:
    assert one_column(tmp_path, "timestamp", values).to_pylist() == [seconds * 1_000_000]


def test_legacy_int96_timestamps(tmp_path: Path) -> None:
    table = pa.table({"ts": pa.array([INSTANT], pa.timestamp("ns")), "item_id": ["x"]})
    path = write_parquet(tmp_path / "part.parquet", table, use_deprecated_int96_timestamps=True)
    log = PredictionLog(config(path, columns=columns()))
    assert read_all(log, [listed(path)])["timestamp"].to_pylist() == [INSTANT_US]


@pytest.mark.parametrize(("unit", "factor"), [("s", 10**6), ("ms", 10**3), ("us", 1)])
def test_a_configured_unit_is_taken_at_its_word(tmp_path: Path, unit: str, factor: int) -> None:
    found = one_column(tmp_path, "timestamp", pa.array([1_772_427_601]), timestamp_unit=unit)
    assert found.to_pylist() == [1_772_427_601 * factor]


def test_what_is_no_time_is_null_and_counted(tmp_path: Path) -> None:
    values = pa.array(["2026-03-02", "soon", None, "9" * 400])
    assert one_column(tmp_path, "timestamp", values, note=True).to_pylist() == [
        1_772_409_600_000_000,
        None,
        None,
        None,
    ]
    assert one_column(tmp_path, "timestamp", pa.array([np.nan, np.inf, 1e300]), note=True).null_count == 3
    assert one_column(tmp_path, "timestamp", pa.array([2**63 + 5], pa.uint64()), note=True).null_count == 1


@pytest.mark.parametrize(
    "values",
    [
        pa.array(["a", None, "b", "a"]),
        pa.array(["a", None, "b", "a"], pa.large_string()),
        pa.array(["a", None, "b", "a"], pa.string_view()),
        pa.array([b"a", None, b"b", b"a"]),
        pa.array(["a", None, "b", "a"]).dictionary_encode(),
        pa.DictionaryArray.from_arrays(pa.array([0, None, 2, 0], pa.int8()), ["a", "never", "b"]),
        pa.array(["a", None, "b", "a"], pa.dictionary(pa.int32(), pa.large_string())),
    ],
    ids=lambda v: str(v.type),
)
@pytest.mark.parametrize("role", ["item", "user", "surface"])
def test_text_ids_are_codes_and_a_dictionary(tmp_path: Path, values: pa.Array, role: str) -> None:
    found = one_column(tmp_path, role, values)
    assert (found.type, found.to_pylist()) == (TEXT, ["a", None, "b", "a"])


@pytest.mark.parametrize("kind", [pa.int8(), pa.int64(), pa.uint16(), pa.uint64()])
@pytest.mark.parametrize("role", ["item", "request", "user", "surface"])
def test_integer_ids_stay_integers(tmp_path: Path, kind: pa.DataType, role: str) -> None:
    top = np.iinfo(kind.to_pandas_dtype()).max
    found = one_column(tmp_path, role, pa.array([int(top), None, 0], kind))
    assert (found.type, found.to_pylist()) == (kind, [top, None, 0])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([1.0, None, float("nan"), 2.5]), ["1", None, None, "2.5"]),
        (pa.array([True, None, False]), ["true", None, "false"]),
        (pa.array([Decimal("12345678901234567890")], pa.decimal128(20, 0)), ["12345678901234567890"]),
        (pa.array([uuid.UUID(int=10).bytes, None], pa.binary(16)), ["0" * 31 + "a", None]),
        (pa.array([b"ok", b"\xff\xfe", None]), ["ok", "\\xff\\xfe", None]),
        (pa.array([date(2026, 3, 2)]), ["2026-03-02"]),
        (pa.nulls(2), [None, None]),
    ],
    ids=str,
)
@pytest.mark.parametrize("role", ["user", "request"])
def test_other_types_of_ids_become_text(
    tmp_path: Path, values: pa.Array, expected: list[Any], role: str
) -> None:
    found = one_column(tmp_path, role, values)
    assert (found.type, found.to_pylist()) == (TEXT if role == "user" else pa.string(), expected)


def test_text_that_is_no_utf8_is_made_visible(tmp_path: Path) -> None:
    bad = pa.array([b"gr\xfcn", b"ok", b"gr\xfcn"]).view(pa.string())
    assert one_column(tmp_path, "user", bad).to_pylist() == ["gr\\xfcn", "ok", "gr\\xfcn"]
    assert one_column(tmp_path, "request", bad).to_pylist() == ["gr\\xfcn", "ok", "gr\\xfcn"]


@pytest.mark.parametrize(
    ("role", "values", "expected", "note"),
    [
        ("score", pa.array([1, None, 3]), [1.0, None, 3.0], False),
        ("score", pa.array([0.5, None], pa.float32()), [0.5, None], False),
        ("score", pa.array([0.5], pa.float16()), [0.5], False),
        ("score", pa.array([Decimal("0.25")]), [0.25], False),
        ("score", pa.array(["0.25", " 1e3 ", None]), [0.25, 1000.0, None], False),
        ("score", pa.array(["high", "0.5", "low", None]), [None, 0.5, None, None], True),
        ("score", pa.array([date(2026, 3, 2)]), [None], True),
        ("position", pa.array([1, None], pa.int16()), [1, None], False),
        ("position", pa.array([1.0, None, 3.0]), [1, None, 3], False),
        ("position", pa.array([1.5, float("nan"), 2.0]), [None, None, 2], True),
        ("position", pa.array(["1", "2"]), [1, 2], False),
        ("position", pa.array([True]), [None], True),
        ("click", pa.array([1, 0, None, 7]), [True, False, None, True], False),
        ("click", pa.array([1.0, 0.0, None]), [True, False, None], False),
        ("click", pa.array(["true", "False", "1", "no", None]), [True, False, True, False, None], False),
        ("click", pa.array(["maybe", "yes"]), [None, True], True),
    ],
)
def test_numbers_ranks_and_flags(
    tmp_path: Path, role: str, values: pa.Array, expected: list[Any], note: bool
) -> None:
    assert one_column(tmp_path, role, values, note).to_pylist() == expected


def test_impossible_values_are_noted_with_their_number(tmp_path: Path) -> None:
    table = pa.table({"ts": [INSTANT] * 3, "item_id": ["x"] * 3, "score": ["high", "0.5", "low"]})
    path = write_parquet(tmp_path / "part.parquet", table)
    quarantine = Quarantine()
    read_all(
        PredictionLog(config(path, columns={"timestamp": "ts", "item": "item_id", "score": "score"})),
        [listed(path)],
        quarantine,
    )
    assert quarantine.notes == (
        f"score: values of column 'score' (string) that it cannot be (2 values): {path}",
    )


def test_microsecond_timestamps_are_not_copied(tmp_path: Path) -> None:
    array = pa.array([INSTANT] * 3, pa.timestamp("us", "UTC"))
    assert to_microseconds(array).buffers()[1].address == array.buffers()[1].address
