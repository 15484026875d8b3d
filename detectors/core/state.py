"""A statistic's state as Arrow bytes: named arrays, a name and a version; never a pickle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray


def encode(name: str, version: int, arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Write arrays of any lengths and up to two dimensions as an Arrow stream of one row.

    >>> import numpy as np
    >>> decode(encode("counts", 1, {"x": np.array([[1, 2], [3, 4]])}), "counts", 1)["x"].tolist()
    [[1, 2], [3, 4]]
    """
    import pyarrow as pa  # late: the daemon's parent process imports detectors but never Arrow

    columns, shapes = {}, {}
    for key, array in arrays.items():
        flat = _texts_to_arrow(array) if array.dtype.kind == "U" else pa.array(array.ravel())
        columns[key] = pa.ListArray.from_arrays(pa.array([0, len(flat)], pa.int32()), flat)
        shapes[f"shape:{key}"] = ",".join(str(n) for n in array.shape)
    told = {"name": name, "version": str(version), "checksum": str(_checksum(arrays)), **shapes}
    table = pa.table(columns).replace_schema_metadata(told)
    sink = pa.BufferOutputStream()
    # LZ4 is set up far sooner than Zstandard; columns of this size are no work for threads of Arrow's own.
    options = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def decode(blob: bytes, name: str, version: int) -> dict[str, NDArray[Any]]:
    """Read what `encode` wrote.

    Raises
    ------
    ValueError
        When it is another statistic, another version, or damaged.
    """
    import pyarrow as pa

    try:
        table = pa.ipc.open_stream(blob).read_all()
        table.validate(full=True)
        told = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items()}
    except (
        pa.ArrowException,
        OSError,
        ValueError,
    ) as error:  # Arrow raises OSError for what it cannot unpack
        raise ValueError(f"state of {name} is damaged: it cannot be read") from error
    found = (told.get("name"), told.get("version"))
    if found != (name, str(version)):
        raise ValueError(f"state is of {found[0]} version {found[1]}, wanted {name} version {version}")
    try:
        arrays = {key: _to_numpy(table.column(key), told[f"shape:{key}"]) for key in table.column_names}
        checksum = str(_checksum(arrays))
    except (pa.ArrowException, LookupError, ValueError, AttributeError) as error:
        raise ValueError(f"state of {name} is damaged: it cannot be read") from error
    if told.get("checksum") != checksum:
        raise ValueError(f"state of {name} is damaged: its checksum differs")
    return arrays


def _texts_to_arrow(texts: NDArray[np.str_]) -> Any:
    """As binary: names from a log may hold lone surrogates, which Arrow's strings refuse."""
    import pyarrow as pa

    return pa.array([text.encode("utf-8", "surrogatepass") for text in texts.ravel().tolist()], pa.binary())


def _to_numpy(column: Any, shape: str) -> NDArray[Any]:
    flat = column.chunk(0).values
    if str(flat.type) == "binary":
        texts = [text.decode("utf-8", "surrogatepass") for text in flat.to_pylist()]
        values = np.array(texts, "U") if texts else np.empty(0, "U1")
    else:
        values = flat.to_numpy(zero_copy_only=False)
    return values.reshape(tuple(int(n) for n in shape.split(",")))


def _checksum(arrays: Mapping[str, NDArray[Any]]) -> int:
    """Of everything there is: names, shapes, and bytes in order."""
    total = 0
    for key in sorted(arrays):
        array = arrays[key]
        total = crc32(f"{key} {array.shape} ".encode(), total)
        if array.dtype.kind == "U":  # how wide numpy keeps a text depends on its neighbours
            total = crc32("\0".join(array.ravel().tolist()).encode("utf-8", "surrogatepass"), total)
        else:
            total = crc32(np.ascontiguousarray(array).data, total)
    return total
