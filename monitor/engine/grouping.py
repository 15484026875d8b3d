"""Groups of chunks that make a batch: a request that goes on in the next chunk waits for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from detectors.core.hashing import U64, distinct
from monitor.engine.chunk import Chunk

SLACK = 60_000_000  # rows of one request are at most this far apart (microseconds) when they stand in different chunks


def group_chunks(chunks: Iterable[Chunk], rows: int) -> Iterator[list[Chunk]]:
    """Groups of about `rows` rows in which requests are whole, as far as neighbouring chunks can tell."""
    group: list[Chunk] = []
    size = 0
    for chunk in chunks:
        if group and size + chunk.n_rows > rows:
            parts = [hold_back(earlier, chunk) for earlier in group]
            yield [done for done, _ in parts]
            group = [held for _, held in parts if held is not None]
            size = sum(held.n_rows for held in group)
        group.append(chunk)
        size += chunk.n_rows
    if group:
        yield group


def hold_back(chunk: Chunk, after: Chunk) -> tuple[Chunk, Chunk | None]:
    """Split off the requests that go on in the next chunk, so that they stay whole.

    Looks at rows that are no more than `SLACK` older than the next chunk: in a log that is roughly in order of time
    these are few; in one that is not, they are all.
    """
    if not (chunk.joins and after.joins and after.n_runs):
        return chunk, None
    near = np.flatnonzero(chunk.time >= after.time.min() - SLACK)
    if not len(near):
        return chunk, None
    next_to_it = distinct(after.request[after.time <= chunk.time[near].max() + SLACK])
    goes_on = distinct(chunk.request[near][_among(chunk.request[near], next_to_it)])
    if not len(goes_on):
        return chunk, None
    held = _among(chunk.request, goes_on)
    return chunk.take(~held), chunk.take(held)


def _among(values: U64, ordered: U64) -> NDArray[np.bool_]:
    """Which values are in a sorted array; of few in it, nearly all others are told apart by some bits already."""
    found = np.zeros(len(values), bool)
    if not len(ordered):
        return found
    bits = np.zeros(1 << 16, bool)
    bits[ordered.astype(np.uint16)] = True
    alike = np.flatnonzero(bits[values.astype(np.uint16)])
    at = np.minimum(np.searchsorted(ordered, values[alike]), len(ordered) - 1)
    found[alike] = ordered[at] == values[alike]
    return found
