"""How the ids of a sample of requests are written: as many as `RequestSample` may keep, whatever a log's size."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from detectors.core.hashing import U64
from detectors.core.id_formats import DIGITS, NONE, ROLES, U16, formats_of
from detectors.statistics.request_sample import REQUESTS
from monitor.engine.codes import Codes, Ints, Names

OF_REQUEST = ROLES[:2]
ROOM = 1.25  # times as many are looked at as are kept, so that by chance there are not fewer


def formats_of_runs(columns: Mapping[str, pa.Array], first: Ints | slice, request: U64) -> U16:
    """Formats of the ids of users and requests, by run, shape (runs, 2); `NONE` where none was looked at."""
    out = np.full((len(request), len(OF_REQUEST)), NONE, np.uint16)
    looked_at = _sampled(request)
    rows = pa.array(looked_at if isinstance(first, slice) else first[looked_at])
    for i, role in enumerate(OF_REQUEST):
        if role in columns:
            out[looked_at, i] = _formats(columns[role].take(rows))
    return out


def formats_of_items(items: Codes, item: Ints, offsets: NDArray[np.int64], request: U64) -> U16:
    """The format of the id of one item of each request, drawn by the request's hash, shape (requests,)."""
    out = np.full(len(request), NONE, np.uint16)
    length = np.diff(offsets)
    chosen = _sampled(request)
    chosen = chosen[length[chosen] > 0]
    row = offsets[chosen] + (request[chosen] % length[chosen].astype(np.uint64)).astype(np.int64)
    names = items.names
    assert isinstance(names, Names)
    for where, texts in names.taken(item[row]):
        out[chosen[where]] = _formats(texts)
    return out


def _sampled(request: U64) -> NDArray[np.int64]:
    """Those among which the smallest hashes are."""
    if len(request) <= 2 * REQUESTS:
        return np.arange(len(request))
    return np.flatnonzero(request < np.uint64(2.0**64 * ROOM * REQUESTS / len(request)))


def _formats(ids: pa.Array) -> U16:
    """Formats of ids as a canonical table has them: integers or texts."""
    if pa.types.is_dictionary(ids.type):
        ids = ids.dictionary_decode()
    null = ids.is_null().to_numpy(zero_copy_only=False)
    if pa.types.is_integer(ids.type):
        return np.where(null, NONE, DIGITS).astype(np.uint16)
    texts = ids.fill_null("").cast(pa.large_string())
    offsets = np.frombuffer(texts.buffers()[1], np.int64, len(texts) + 1, texts.offset * 8)
    data = texts.buffers()[2]
    return formats_of(offsets, np.frombuffer(data or b"", np.uint8))
