"""Declared columns, or features: from Arrow to numbers or codes, and of several chunks laid end to end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from detectors.core.feature import Feature
from detectors.core.hashing import hash_texts
from monitor.engine.codes import Codes, codes_of, unify


def read_feature(array: pa.Array) -> Feature:
    """Numbers as they are, everything else as codes."""
    if pa.types.is_integer(array.type):  # a slice column too: there it is wanted as an id
        array = array.cast(pa.float64(), safe=False)
    if pa.types.is_floating(array.type):
        filled = array.fill_null(pa.scalar(np.nan, array.type)) if array.null_count else array
        return Feature(np.asarray(filled.to_numpy(zero_copy_only=False)))
    codes = codes_of(array)
    return Feature(codes=codes.codes, hashes=codes.hashes, names=codes.names)


def end_to_end(chunks: Sequence[tuple[int, Mapping[str, Feature]]]) -> dict[str, Feature]:
    """The features of several chunks, by name.

    Parameters
    ----------
    chunks : sequence of (rows, features)
        A chunk of files that lack a column has none in any row.
    """
    names = sorted({name for _, features in chunks for name in features})
    return {name: _together([_of(rows, features.get(name)) for rows, features in chunks]) for name in names}


def _of(rows: int, feature: Feature | None) -> Feature:
    """A column of nothing but nulls may become of any kind."""
    if feature is None or (feature.codes is not None and (feature.codes < 0).all()):
        return Feature(np.full(rows, np.nan))
    return feature


def _together(parts: Sequence[Feature]) -> Feature:
    """Numbers when all are numbers; where some files have texts, numbers are texts too."""
    numbers = [part.numbers for part in parts if part.numbers is not None]
    if len(numbers) == len(parts):
        return Feature(np.concatenate(numbers))
    codes = unify([_as_codes(part) for part in parts])
    return Feature(codes=codes.codes, hashes=codes.hashes, names=codes.names)


def _as_codes(part: Feature) -> Codes:
    if part.codes is not None:
        return Codes(part.codes, part.hashes, part.names)
    numbers: NDArray[np.floating[Any]] = np.empty(0) if part.numbers is None else part.numbers
    values, at = np.unique(numbers, return_inverse=True)
    known = ~np.isnan(values)
    texts = [str(int(v)) if v.is_integer() else repr(v) for v in values[known].tolist()]
    return Codes(np.where(known, np.cumsum(known) - 1, -1)[at].astype(np.int32), hash_texts(texts), texts)
