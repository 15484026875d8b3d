"""What a function of yours may answer, checked: a mask, a mask and among whom, or numbers; one for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import Batch

LARGEST = 2.0**63
ROUNDING = 1e-6


@dataclass(frozen=True)
class Answer:
    """One element for each row, or for each request.

    Parameters
    ----------
    of_rows : bool
    marked : array of bool
    among : array of bool, or None
        Those that count at all; None where all do.
    numbers : array of float
        NaN where there is none.
    """

    of_rows: bool
    marked: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, bool))
    among: NDArray[np.bool_] | None = None
    numbers: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))


def checked_mask(function: Callable[..., Any], answered: Any, batch: Batch, of_rows: bool) -> Answer:
    """A boolean mask, or a pair of masks: what is marked, and among which.

    Raises
    ------
    TypeError, ValueError
        When it is something else; says which function, and in which line it begins.
    """
    among = None
    if isinstance(answered, tuple):
        if len(answered) != 2:
            raise TypeError(f"{_called(function)} must return one mask, or two: (marked, among)")
        among = _mask(function, answered[1], batch, of_rows)
        answered = answered[0]
    marked = _mask(function, answered, batch, of_rows)
    return Answer(of_rows, marked if among is None else marked & among, among)


def _mask(function: Callable[..., Any], answered: Any, batch: Batch, of_rows: bool) -> NDArray[np.bool_]:
    array = _shaped(function, answered, batch, of_rows)
    if array.dtype != bool:
        raise TypeError(
            f"{_called(function)} must return a boolean mask, not {array.dtype}: compare it with something, "
            "or use mean_of_rows or mean_of_requests for numbers"
        )
    return array


def checked_numbers(
    function: Callable[..., Any], answered: Any, batch: Batch, of_rows: bool, ratio: bool = False
) -> Answer:
    """Numbers, NaN where there is none.

    Parameters
    ----------
    ratio : bool
        Whether they have to be from 0 to 1: what is called a ratio is judged as one.

    Raises
    ------
    TypeError, ValueError
        When it is something else, infinite, or no ratio though it is called one.
    """
    array = _shaped(function, answered, batch, of_rows)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{_called(function)} must return numbers, not {array.dtype}")
    numbers = array.astype(np.float64, copy=False)
    if (wrong := np.abs(numbers) >= LARGEST).any():  # and NaN is not
        raise ValueError(
            f"{_called(function)} returned {numbers[wrong][0]:g} for {int(wrong.sum())} of {len(numbers)}: "
            "return NaN where there is no number"
        )
    if ratio and (wrong := (numbers < -ROUNDING) | (numbers > 1 + ROUNDING)).any():
        raise ValueError(
            f"{_called(function)} returned {numbers[wrong][0]:g} for {int(wrong.sum())} of {len(numbers)}, and a "
            'ratio is from 0 to 1: give unit="score", or another one, for what may be more'
        )
    return Answer(of_rows, numbers=numbers)


def _shaped(function: Callable[..., Any], answered: Any, batch: Batch, of_rows: bool) -> NDArray[Any]:
    array = np.asarray(answered)
    n, each = (batch.n_rows, "row") if of_rows else (batch.n_requests, "request")
    if array.shape != (n,):
        got = "a single value" if array.shape == () else f"shape {array.shape}"
        hint = ""
        if array.shape == (batch.n_rows if not of_rows else batch.n_requests,):
            hint = " (that is one for each " + ("row" if not of_rows else "request") + ")"
        raise ValueError(
            f"{_called(function)} must return one element for each {each}, shape ({n},), not {got}{hint}"
        )
    return array


def _called(function: Callable[..., Any]) -> str:
    code = getattr(function, "__code__", None)
    return f"{function.__name__}()" + (f" (line {code.co_firstlineno})" if code else "")
