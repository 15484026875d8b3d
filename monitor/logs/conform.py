"""Columns as a log has them -> canonical columns; nothing is copied where the type fits already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitor.logs.columns import EMPTY_TYPES, Column, Kind, is_list, is_nested, is_text
from monitor.logs.times import to_microseconds

Note = Callable[[str, int], None]  # what is wrong with a column, and how many values it concerns (0: all)
TRUE = {"true", "t", "yes", "y", "1", "1.0"}
FALSE = {"false", "f", "no", "n", "0", "0.0"}


def conform(column: Column, array: pa.Array, unit: str, as_text: bool, note: Note) -> pa.Array:
    """The canonical form of one column.

    Parameters
    ----------
    unit : str
        Unit of timestamps that are numbers.
    as_text : bool
        Turn integer ids into text, because other files of the window have text.
    note : callable
        Told what could not be used; the values are null then.
    """
    if is_list(array.type) != column.listed or is_nested(array.type):
        note(f"{column.name}: column {column.path!r} is {_plain(array.type)}, which it cannot be", 0)
        return pa.nulls(len(array), column.empty_type)
    if column.listed:
        lengths, values = list_parts(array)
        return make_lists(lengths, conform_values(column, values, unit, as_text, note), array.is_null())
    return conform_values(column, array, unit, as_text, note)


def conform_values(column: Column, values: pa.Array, unit: str, as_text: bool, note: Note) -> pa.Array:
    """The canonical form of single values, outside of lists."""
    if isinstance(values, pa.ExtensionArray):
        values = values.storage
    try:
        match column.kind:
            case Kind.ID:
                return to_ids(values, as_text)
            case Kind.KEY:
                return to_keys(values, as_text)
            case Kind.TIME:
                out = to_microseconds(values, unit)
            case Kind.NUMBER:
                out = to_numbers(values)
            case Kind.RANK:
                out = to_ranks(values)
            case Kind.FLAG:
                out = to_flags(values)
    except (TypeError, pa.ArrowNotImplementedError):  # Arrow has no way from that type to this one
        note(f"{column.name}: column {column.path!r} is {_plain(values.type)}, which it cannot be", 0)
        return pa.nulls(len(values), EMPTY_TYPES[column.kind])
    lost = out.null_count - values.null_count
    if lost > 0 and (lost := lost - _blank(values)) > 0:
        note(
            f"{column.name}: values of column {column.path!r} ({_plain(values.type)}) that it cannot be", lost
        )
    return out


def to_ids(values: pa.Array, as_text: bool = False) -> pa.Array:
    """Integers as they are (unless `as_text`), everything else as text with int32 codes."""
    if pa.types.is_integer(values.type) and not as_text:
        return values
    if pa.types.is_floating(values.type):
        values = pc.if_else(
            pc.is_nan(values), pa.scalar(None, values.type), values
        )  # how data frames write a missing id
    if not pa.types.is_dictionary(values.type):
        values = values.dictionary_encode()
        if pa.types.is_null(values.type.value_type):
            return pa.nulls(len(values), pa.dictionary(pa.int32(), pa.string()))
    if pa.types.is_integer(values.type.value_type) and not as_text:
        return values.dictionary_decode()
    indices, names = values.indices, to_text(values.dictionary)
    if indices.type != pa.int32():
        indices = indices.cast(pa.int32())
    if names is values.dictionary and indices is values.indices and not values.type.ordered:
        return values
    return pa.DictionaryArray.from_arrays(indices, names)


def to_keys(values: pa.Array, as_text: bool = False) -> pa.Array:
    """Integers as they are (unless `as_text`), everything else as plain text."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_integer(values.type) and not as_text:
        return values
    return to_text(_without_nan(values) if pa.types.is_floating(values.type) else values)


def _without_nan(values: pa.Array) -> pa.Array:
    """Data frames write missing integers as NaN."""
    return pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)


def to_text(values: pa.Array) -> pa.Array:
    """Valid UTF-8 strings; bytes that are no text are written with backslashes, or as hexadecimal digits."""
    kind = values.type
    if pa.types.is_string(kind):
        return _valid(values)
    if is_text(kind):
        return _valid(values.cast(pa.string()))
    if pa.types.is_fixed_size_binary(kind):
        return _hexadecimal(values)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        return _decoded(values)
    if pa.types.is_timestamp(kind):
        values = values.cast(pa.timestamp(kind.unit))  # UTC, without a zone's name
    return values.cast(pa.string())


def _valid(values: pa.StringArray) -> pa.Array:
    try:
        values.validate(full=True)
    except pa.ArrowInvalid:
        return _decoded(values.cast(pa.binary()))
    return values


def _decoded(values: pa.Array) -> pa.Array:
    return pa.array(
        [None if v is None else v.decode("utf-8", "backslashreplace") for v in values.to_pylist()],
        pa.string(),
    )


def _hexadecimal(values: pa.Array) -> pa.Array:
    """UUIDs and hashes, 2 digits a byte, without a Python object for each."""
    width = values.type.byte_width
    raw = np.frombuffer(values.buffers()[1], np.uint8)[
        values.offset * width : (values.offset + len(values)) * width
    ]
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)
    text = np.stack([digits[raw >> 4], digits[raw & 15]], axis=1)
    offsets = np.arange(len(values) + 1, dtype=np.int32) * 2 * width
    out = pa.StringArray.from_buffers(
        len(values), pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(text))
    )
    return pc.if_else(values.is_valid(), out, pa.scalar(None, pa.string())) if values.null_count else out


def to_numbers(values: pa.Array) -> pa.Array:
    """Floats; text that is a number counts as one."""
    kind = _decode_kind(values)
    if pa.types.is_float32(kind) or pa.types.is_float64(kind):
        return _decoded_dictionary(values)
    if pa.types.is_float16(kind):
        return values.cast(pa.float32())
    if pa.types.is_integer(kind):
        return _decoded_dictionary(values).cast(pa.float64(), safe=False)
    if pa.types.is_decimal(kind) or pa.types.is_boolean(kind):
        return _decoded_dictionary(values).cast(pa.float64())
    return _by_text(values, _number, pa.float64())


def to_ranks(values: pa.Array) -> pa.Array:
    """Integers; whole floats and text that is a whole number count as one."""
    kind = _decode_kind(values)
    if pa.types.is_integer(kind):
        return _decoded_dictionary(values)
    if pa.types.is_boolean(kind):
        return pa.nulls(len(values), pa.int64())
    numbers: NDArray[Any] = to_numbers(values).to_numpy(zero_copy_only=False).astype(np.float64)
    with np.errstate(invalid="ignore"):
        whole = (numbers == np.floor(numbers)) & (np.abs(numbers) < 2**53)
    return pa.array(np.where(whole, numbers, 0).astype(np.int64), mask=~whole)


def to_flags(values: pa.Array) -> pa.Array:
    """Booleans; numbers are true when they are not zero."""
    kind = _decode_kind(values)
    if pa.types.is_boolean(kind):
        return _decoded_dictionary(values)
    if pa.types.is_integer(kind):
        return pc.not_equal(_decoded_dictionary(values), 0)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        numbers = _decoded_dictionary(values).cast(pa.float64())
        return pc.if_else(pc.is_nan(numbers), pa.scalar(None, pa.bool_()), pc.not_equal(numbers, 0.0))
    return _by_text(
        values,
        lambda text: True if text.lower() in TRUE else False if text.lower() in FALSE else None,
        pa.bool_(),
    )


def _blank(values: pa.Array) -> int:
    """Values that say that there is none: texts of no letters, and what is not a number."""
    kind = _decode_kind(values)
    if pa.types.is_floating(kind):
        return int(pc.sum(pc.is_nan(_decoded_dictionary(values))).as_py() or 0)
    if not is_text(kind):
        return 0
    texts = _decoded_dictionary(values).cast(pa.string())
    return int(pc.sum(pc.equal(pc.binary_length(pc.utf8_trim_whitespace(texts)), 0)).as_py() or 0)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _by_text(values: pa.Array, parse: Callable[[str], Any], kind: pa.DataType) -> pa.Array:
    """Arrow's parser for the whole column first, then value by value."""
    if is_text(values.type):
        try:
            return values.cast(kind)
        except pa.ArrowInvalid:
            pass
    codes = to_ids(values, as_text=True)
    parsed = [None if text is None else parse(text.strip()) for text in codes.dictionary.to_pylist()]
    return pc.take(pa.array(parsed, kind), codes.indices)


def _decode_kind(values: pa.Array) -> pa.DataType:
    return values.type.value_type if pa.types.is_dictionary(values.type) else values.type


def _decoded_dictionary(values: pa.Array) -> pa.Array:
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values


def list_parts(array: pa.Array) -> tuple[NDArray[np.int64], pa.Array]:
    """Length of each list (0 where null) and their values end to end."""
    if pa.types.is_list_view(array.type):
        array = array.cast(pa.list_(array.type.value_type))
    elif pa.types.is_large_list_view(array.type):
        array = array.cast(pa.large_list(array.type.value_type))
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    return lengths, array.flatten()


def make_lists(lengths: NDArray[np.int64], values: pa.Array, null: pa.Array) -> pa.ListArray:
    """Lists of the given lengths; null rows have length 0."""
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
    mask = null if pc.any(null).as_py() else None
    return pa.ListArray.from_arrays(offsets, values, mask=mask)


def align_lists(columns: dict[str, pa.Array], per_item: list[str], note: Note) -> dict[str, pa.Array]:
    """Where a list is not as long as the row's list of items, it says nothing: null."""
    expected, _ = list_parts(columns["item"])
    for name in per_item:
        lists = columns[name]
        if name == "item" or lists.null_count == len(lists):
            continue
        lengths, values = list_parts(lists)
        null = lists.is_null().to_numpy(zero_copy_only=False)
        wrong = (lengths != expected) & ~null
        if wrong.any():
            note(f"{name}: lists that are not as long as the list of items", int(wrong.sum()))
            keep = pa.array(np.repeat(~wrong, lengths))
            lengths = np.where(wrong, 0, lengths)
            columns[name] = make_lists(lengths, values.filter(keep), pa.array(null | wrong))
    return columns


def descend(array: pa.Array, names: tuple[str, ...]) -> pa.Array:
    """The nested field of that path; a list on the way makes it a list."""
    if not names:
        return array
    if is_list(array.type):
        lengths, values = list_parts(array)
        return make_lists(lengths, descend(values, names), array.is_null())
    return descend(pc.struct_field(array, names[0]), names[1:])


def _plain(kind: pa.DataType) -> str:
    text = str(kind)
    return text if len(text) <= 80 else text[:80] + "..."
