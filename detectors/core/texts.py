"""A column of texts: each distinct text once, and where it stands. Comparing looks at the distinct ones alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from detectors.core.hashing import U64, hash_integers, hash_texts


@dataclass(frozen=True, eq=False)
class Texts:
    """Texts, or ids that are whole numbers, as codes. No text equals one that is not there.

    Parameters
    ----------
    codes : array of int, shape (n,)
        -1 where there is none.
    hashes : array of uint64, shape (values,)
    names : sequence, length values
        The distinct values, made into texts only when asked for.

    >>> country = Texts.of(["DE", "US", None, "DE"])
    >>> (country == "DE").tolist(), (country != "DE").tolist(), country.isin(["US", "FR"]).tolist()
    ([True, False, False, True], [False, True, False, False], [False, True, False, False])
    """

    codes: NDArray[np.integer[Any]]
    hashes: U64
    names: Sequence[Any]

    __hash__ = None  # type: ignore[assignment]  # comparing gives an array, as numpy's does

    @classmethod
    def of(cls, values: Iterable[str | None]) -> Texts:
        """Written out, for notebooks and tests."""
        values = list(values)
        names = sorted({v for v in values if v is not None})
        number: dict[str | None, int] = {**{v: i for i, v in enumerate(names)}, None: -1}
        return cls(np.array([number[v] for v in values], np.int32), hash_texts(names), names)

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, at: Any) -> Texts:
        return Texts(self.codes[at], self.hashes, self.names)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Where there is a text, shape (n,)."""
        return self.codes >= 0

    def isin(self, texts: Iterable[str]) -> NDArray[np.bool_]:
        """Where the text is one of these, shape (n,)."""
        texts = list(texts)
        numbers = [int(t) for t in texts if _is_number(t)]
        wanted = np.concatenate([hash_texts(texts), hash_integers(np.array(numbers, np.int64))])
        return self._of_values(np.isin(self.hashes, wanted))

    def matching(self, test: Callable[[str], bool]) -> NDArray[np.bool_]:
        """Where a text passes a test, which is asked once for each distinct one, shape (n,)."""
        return self._of_values(np.fromiter((test(str(n)) for n in self.names), bool, len(self.names)))

    def __eq__(self, other: object) -> NDArray[np.bool_]:  # type: ignore[override]  # as numpy's
        if isinstance(other, Texts):
            return (self._keys() == other._keys()) & self.known & other.known
        return self.isin([str(other)])

    def __ne__(self, other: object) -> NDArray[np.bool_]:  # type: ignore[override]  # as numpy's
        known = self.known & other.known if isinstance(other, Texts) else self.known
        return known & ~(self == other)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        names = np.array([str(n) for n in self.names] + [None], object)
        return names[self.codes] if dtype is None else names[self.codes].astype(dtype)

    def _keys(self) -> U64:
        return self.hashes[self.codes] if len(self.hashes) else np.zeros(len(self.codes), np.uint64)

    def _of_values(self, marked: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return np.append(marked, False)[self.codes]  # the last one is for -1


@runtime_checkable
class LookedUp(Protocol):
    """Names of which many are looked up together sooner than one by one."""

    def texts(self, at: NDArray[np.integer[Any]]) -> list[str]: ...


def texts_at(names: Sequence[Any], at: NDArray[np.integer[Any]]) -> list[str]:
    """Some of many names.

    >>> texts_at(["a", "b", "c"], np.array([2, 0]))
    ['c', 'a']
    """
    return names.texts(at) if isinstance(names, LookedUp) else [str(names[i]) for i in at.tolist()]


def _is_number(text: str) -> bool:
    """Whether a log may hold it as a whole number: `7`, and not `007`."""
    return len(text) < 19 and text.removeprefix("-").isdigit() and text.isascii() and str(int(text)) == text
