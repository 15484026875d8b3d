"""Ids as text, made from numbers without a Python object for each."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

HEX = np.frombuffer(b"0123456789abcdef", np.uint8)


def decimal(prefix: str, numbers: np.ndarray, width: int) -> pa.Array:
    """Each number with leading zeros behind a prefix.

    >>> decimal("sku-", np.array([7, 123]), 6).to_pylist()
    ['sku-000007', 'sku-000123']
    """
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    digits = (numbers[:, None] // powers % 10 + ord("0")).astype(np.uint8)
    head = np.broadcast_to(np.frombuffer(prefix.encode(), np.uint8), (len(numbers), len(prefix.encode())))
    return _fixed_width(np.hstack([head, digits]))


def hexadecimal(numbers: np.ndarray) -> pa.Array:
    """Each 64-bit number as 16 digits.

    >>> hexadecimal(np.array([255], np.uint64)).to_pylist()
    ['00000000000000ff']
    """
    shifts = np.arange(60, -4, -4, dtype=np.uint64)
    return _fixed_width(HEX[(numbers[:, None] >> shifts) & np.uint64(15)])


def _fixed_width(characters: np.ndarray) -> pa.Array:
    n, width = characters.shape
    offsets = (np.arange(n + 1) * width).astype(np.int32)
    data = np.ascontiguousarray(characters)
    return pa.StringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(data))
