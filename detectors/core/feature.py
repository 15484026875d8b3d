"""A declared column of a log beside the roles: numbers, or texts as codes; one value for each row shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.core.hashing import U64, hash_texts


@dataclass(frozen=True, eq=False)
class Feature:
    """One value a row. Numeric when `codes` is None.

    Parameters
    ----------
    numbers : array of float, shape (rows,), or None
        NaN where there is none.
    codes : array of int, shape (rows,), or None
        Index into `hashes` and `names`, -1 where there is none.
    hashes : array of uint64, shape (values,)
    names : sequence of str, length values
    """

    numbers: NDArray[np.floating[Any]] | None = None
    codes: NDArray[np.integer[Any]] | None = None
    hashes: U64 = field(default_factory=lambda: np.empty(0, np.uint64))
    names: Sequence[str] = ()

    @classmethod
    def of(cls, values: Sequence[Any]) -> Feature:
        """A feature written out, for notebooks and tests: numbers, or texts; None where there is none.

        >>> Feature.of([1.5, None]).numbers, Feature.of(["b", None, "b"]).codes
        (array([1.5, nan]), array([ 0, -1,  0]))
        """
        if not any(isinstance(v, str) for v in values):
            return cls(np.array([np.nan if v is None else v for v in values], np.float64))
        names = sorted({v for v in values if v is not None})
        number = {v: i for i, v in enumerate(names)} | {None: -1}
        return cls(codes=np.array([number[v] for v in values]), hashes=hash_texts(names), names=names)

    def take(self, rows: NDArray[Any]) -> Feature:
        """Of some rows."""
        return replace(
            self,
            numbers=None if self.numbers is None else self.numbers[rows],
            codes=None if self.codes is None else self.codes[rows],
        )
