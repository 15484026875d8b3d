"""Timestamps of any kind as microseconds since the epoch, UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

MICROSECONDS = {"s": 1_000_000, "ms": 1000, "us": 1}
FURTHEST = 2**62  # microseconds; what lies beyond is no time


def to_microseconds(array: pa.Array, unit: str = "auto") -> pa.Array:
    """Microseconds since the epoch as int64, null where there is no time.

    Parameters
    ----------
    array : Array of timestamp (naive means UTC), date, text (ISO 8601 or a number) or number
    unit : {"auto", "s", "ms", "us", "ns"}
        Unit of numbers; `auto` takes it from each number's magnitude.

    Raises
    ------
    TypeError
        When the type cannot hold a time.

    >>> to_microseconds(pa.array(["2026-03-02T05:00:00+01:00", "2026-03-02", "soon"])).to_pylist()
    [1772424000000000, 1772409600000000, None]
    """
    kind = array.type
    if pa.types.is_dictionary(kind):
        return pc.take(to_microseconds(array.dictionary, unit), array.indices)
    if pa.types.is_timestamp(kind):
        if kind.unit == "us":
            return array.view(pa.int64())
        if kind.unit == "ns":
            return pc.divide(array.view(pa.int64()), 1000)
        return _scaled(array.view(pa.int64()), np.full(len(array), MICROSECONDS[kind.unit]))
    if pa.types.is_date(kind):
        return _scaled(
            array.cast(pa.date32()).cast(pa.int32()).cast(pa.int64()), np.full(len(array), 86_400_000_000)
        )
    if pa.types.is_integer(kind):
        return _integers(array, unit)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _floats(array.cast(pa.float64()), unit)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return _texts(array.cast(pa.string()), unit)
    if pa.types.is_null(kind):
        return pa.nulls(len(array), pa.int64())
    raise TypeError(f"{kind} holds no time")


def _integers(array: pa.Array, unit: str) -> pa.Array:
    if pa.types.is_uint64(array.type):
        array = pc.if_else(pc.less(array, pa.scalar(2**63, pa.uint64())), array, pa.scalar(None, pa.uint64()))
    array = array.cast(pa.int64())
    if unit == "ns":
        return pc.divide(array, 1000)
    if unit != "auto":
        return _scaled(array, np.full(len(array), MICROSECONDS[unit]))
    values = _numpy(array)
    size = np.abs(values)
    nanoseconds = size >= 10**17
    values = np.where(nanoseconds, values // 1000, values)
    return _scaled(_array(values, array), _guess(size))


def _guess(size: NDArray[Any]) -> NDArray[np.int64]:
    """Factor to microseconds: 10^11 s, ms or us are the year 5138, 1973 and 1970."""
    return np.select([size < 10**11, size < 10**14], [1_000_000, 1000], 1)


def _scaled(array: pa.Array, factor: NDArray[np.int64]) -> pa.Array:
    values = _numpy(array)
    out_of_range = np.abs(values) > FURTHEST // factor
    return _array(np.where(out_of_range, 0, values) * factor, array, also_null=out_of_range)


def _floats(array: pa.Array, unit: str) -> pa.Array:
    values = array.to_numpy(zero_copy_only=False)  # nulls become NaN
    size = np.abs(values)
    if unit == "auto":
        factor = np.where(size >= 1e17, 1e-3, _guess(size).astype(float))
    else:
        factor = np.full(len(values), {"s": 1e6, "ms": 1e3, "us": 1.0, "ns": 1e-3}[unit])
    with np.errstate(invalid="ignore", over="ignore"):
        microseconds = np.round(values * factor)
        bad = ~(np.abs(microseconds) <= FURTHEST)
    return pa.array(np.where(bad, 0, microseconds).astype(np.int64), mask=bad)


def _texts(array: pa.Array, unit: str) -> pa.Array:
    """The quick ways for whole columns first, then value by value."""
    for kind in (
        pa.timestamp("us", "UTC"),
        pa.timestamp("us"),
        pa.timestamp("ns", "UTC"),
        pa.timestamp("ns"),
    ):
        try:
            return to_microseconds(array.cast(kind))
        except pa.ArrowInvalid:
            continue
    distinct = array.dictionary_encode()
    parsed = [_parse(text, unit) for text in distinct.dictionary.cast(pa.binary()).to_pylist()]
    return pc.take(pa.array(parsed, pa.int64()), distinct.indices)


def _parse(raw: bytes, unit: str) -> int | None:
    try:
        text = raw.decode().strip()
        digits = text.lstrip("+-")
        if digits.replace(".", "", 1).isdigit() and (len(digits) != 8 or unit != "auto"):  # 20260302 is a day
            number = pa.array([float(text) if "." in text else int(text)])
            found: int | None = to_microseconds(number, unit)[0].as_py()
            return found
        moment = datetime.fromisoformat(text.removesuffix(" UTC").replace("/", "-"))
    except (ValueError, OverflowError, pa.ArrowException):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    elapsed = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (elapsed.days * 86400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds


def _numpy(array: pa.Array) -> NDArray[np.int64]:
    values: NDArray[np.int64] = pc.fill_null(array, 0).to_numpy(zero_copy_only=False)
    return values


def _array(values: NDArray[np.int64], like: pa.Array, also_null: NDArray[np.bool_] | None = None) -> pa.Array:
    null = (
        like.is_null().to_numpy(zero_copy_only=False) if like.null_count else np.zeros(len(like), dtype=bool)
    )
    return pa.array(values, mask=null if also_null is None else null | also_null)
