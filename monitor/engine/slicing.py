"""Slice columns become cells. Which values are watched apart is decided as they come, and then holds for the window."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from detectors.core.cells import NULL, Cells
from detectors.core.hashing import hash_ids
from monitor.engine.chunk import Chunk
from monitor.engine.codes import Ints, unify

OTHER = "(other)"
SLICE_VALUES = 50  # most values of a slice column that are watched apart; rarer ones are put together
TABLE = 1 << 20  # combinations of values up to which they are found by counting instead of sorting


@dataclass(frozen=True)
class SliceValues:
    """The values of each slice column that are watched apart.

    A value is in or out for good once it was seen: its rows are never in part under its name, in part under `OTHER`.

    Parameters
    ----------
    texts : mapping of column to mapping of hash to text
    """

    texts: Mapping[str, Mapping[int, str]]

    @classmethod
    def of(cls, columns: Sequence[str], named: Collection[tuple[str, str]] = ()) -> SliceValues:
        """None yet, but those that are `named`: (column, value) of which the configuration says something."""
        return cls({
            column: {
                int(h): value for of, value in sorted(named) if of == column for h in hash_ids([value]).tolist()
            }
            for column in sorted(set(columns))
        })  # fmt: skip

    @property
    def columns(self) -> tuple[str, ...]:
        """Sorted."""
        return tuple(self.texts)

    def admit(self, chunks: Sequence[Chunk]) -> SliceValues:
        """With the values of more chunks, while there is room: the most frequent first."""
        return replace(
            self, texts={column: _admit(column, kept, chunks) for column, kept in self.texts.items()}
        )

    def cells_of(self, chunks: Sequence[Chunk], runs: Ints | slice) -> tuple[Ints, Cells]:
        """The cell of each of some runs, and the cells that occur."""
        n = sum(chunk.n_runs for chunk in chunks)
        code = np.zeros(n, np.int64)[runs]
        values = []
        for column, kept in self.texts.items():
            texts = list(dict.fromkeys([*kept.values(), OTHER, NULL]))
            code = code * len(texts) + _code(column, kept, texts, chunks)[runs]
            values.append(texts)
        shape = [len(texts) for texts in values]
        used, number = _used(code, int(np.prod(shape, dtype=np.int64)))
        digits = np.unravel_index(used, shape) if shape else ()
        tuples = [
            tuple(texts[d[i]] for texts, d in zip(values, digits, strict=True)) for i in range(len(used))
        ]
        cells = Cells.of(self.columns, tuples)
        index = {v: i for i, v in enumerate(cells.values)}
        return np.array([index[t] for t in tuples], np.int32)[number], cells


def _admit(column: str, kept: Mapping[int, str], chunks: Sequence[Chunk]) -> Mapping[int, str]:
    parts = [chunk.slices[column] for chunk in chunks if column in chunk.slices]
    room = SLICE_VALUES - len(set(kept.values()))
    if not parts or room <= 0:
        return kept
    # Values as a column of their own: each dictionary once.
    values = unify([replace(p, codes=np.arange(len(p.hashes), dtype=np.int32)) for p in parts])
    count = np.bincount(values.codes, np.concatenate([p.count() for p in parts]), len(values.hashes))
    count[np.isin(values.hashes, np.fromiter(kept, np.uint64, len(kept)))] = 0
    most = np.lexsort((values.hashes, -count))[:room]
    return {**kept, **{int(values.hashes[i]): values.names[int(i)] for i in most if count[i]}}


def _code(column: str, kept: Mapping[int, str], texts: Sequence[str], chunks: Sequence[Chunk]) -> Ints:
    """Index into `texts` of each run's value."""
    hashes = np.sort(np.fromiter(kept, np.uint64, len(kept)))
    number = {text: i for i, text in enumerate(texts)}
    of_hash = np.array([number[kept[h]] for h in hashes.tolist()] + [number[OTHER]], np.int32)
    parts = []
    for chunk in chunks:
        if column not in chunk.slices:
            parts.append(np.full(chunk.n_runs, number[NULL], np.int32))
            continue
        values = chunk.slices[column]
        at = np.searchsorted(hashes, values.hashes)
        at[~np.isin(values.hashes, hashes)] = len(hashes)
        parts.append(np.append(of_hash[at], np.int32(number[NULL]))[values.codes])  # the last one is for -1
    return np.concatenate(parts)


def _used(code: Ints, size: int) -> tuple[Ints, Ints]:
    """The distinct codes below `size`, and which of them each one is."""
    if size > TABLE:
        return np.unique(code, return_inverse=True)
    used = np.flatnonzero(np.bincount(code, minlength=size))
    number = np.zeros(size, np.int32)
    number[used] = np.arange(len(used))
    return used, number[code]
