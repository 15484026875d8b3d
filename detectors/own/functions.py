"""A detector made of a function: state, slices, sampling error and judgement are the library's business."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, Literal, get_args
from zlib import crc32

import numpy as np

from detectors.core.batch import KINDS, Batch
from detectors.core.measurement import Unit
from detectors.core.verdict import Severity
from detectors.judgement.spec import Direction
from detectors.own.answer import Answer, checked_mask, checked_numbers
from detectors.own.detector import OneQuestion, State
from detectors.own.states import Counts, GroupShares, GroupSums, Numbers, UserMarks
from detectors.own.view import View
from detectors.statistics.panel import Panel

Function = Callable[[View], Any]
Decorator = Callable[[Function], type[OneQuestion]]
Of = Literal["rows", "requests", "users"]

CHANGE = {"share": 0.1, "mean": 0.5, "quantile": 0.5, "count": 0.5}  # without any limit of its own


@dataclass(frozen=True)
class Limits:
    """What is trouble, as a detector's defaults; see `OneQuestion`. Without any, a difference from what is usual is."""

    above: float | None = None
    below: float | None = None
    change: float | None = None
    direction: Direction = "both"
    relative: bool | None = None
    severity: Severity = Severity.TICKET

    def __post_init__(self) -> None:
        for name in ("above", "below", "change"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
                raise ValueError(f"{name} must be a number, not {value!r}")
        for name, known in (("direction", get_args(Direction)), ("severity", [*Severity])):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, not {getattr(self, name)!r}")

    def for_question(self, measured: str) -> dict[str, Any]:
        """Every setting of `OneQuestion`."""
        change, relative = self.change, self.relative
        if change is None and self.above is None and self.below is None:
            change = CHANGE[measured]
            relative = measured != "share" if relative is None else relative
        return {
            "above": self.above,
            "below": self.below,
            "change": change,
            "direction": self.direction,
            "relative": bool(relative),
            "severity": Severity(self.severity),
        }


LIMITS = tuple(field.name for field in fields(Limits))


@dataclass(frozen=True)
class Question:
    """What is asked of a batch, and how it is measured.

    Parameters
    ----------
    name : str
        Of the detector.
    function : callable
        From a `View` to a mask or numbers.
    measured : {"share", "mean", "quantile", "count"}
    of : {"rows", "requests", "users"}
    says : str
        What is measured, in one sentence.
    module : str
        Where it comes from.
    version : int
        Another one when the question means something else.
    """

    name: str
    function: Function
    measured: str
    of: Of
    says: str
    module: str
    version: int
    columns: Mapping[str, type]
    needs: frozenset[str]
    unit: Unit
    quantile: float = 0.5


def share_of_rows(function: Function | None = None, **settings: Any) -> Any:
    """Share of the rows (items shown) that a function marks.

    Parameters
    ----------
    columns : mapping of str to type, optional
        Columns that the function reads as `batch["name"]`: `float`, `bool` or `str`; of the catalogue "catalog.name".
    needs : iterable of str, optional
        Roles without which it cannot be measured: "score", "position", "user", "click".
    above, below, change, direction, relative, severity
        What is trouble; see `OneQuestion`.

    Returns
    -------
    Detector type
        Named as the function, described by the first sentence of its docstring. The function returns a mask of shape
        (m,), or two: what is marked, and among which rows.

    >>> @share_of_rows(columns={"price": float}, above=0.2)
    ... def pricey(batch):
    ...     '''Share of items over 1000.'''
    ...     return batch["price"] > 1000
    >>> pricey().measures()[0].help
    'Share of items over 1000.'
    """
    return _decorator("share", "rows", function, settings)


def share_of_requests(function: Function | None = None, **settings: Any) -> Any:
    """Share of the requests that a function marks: a mask of shape (n,), or two; settings as of `share_of_rows`."""
    return _decorator("share", "requests", function, settings)


def share_of_users(function: Function | None = None, **settings: Any) -> Any:
    """Share of the users with a request that a function marks: a mask of shape (n,), or two; else `share_of_rows`.

    Requests without a user, or of a guest, are left out.
    """
    return _decorator("share", "users", function, settings)


def mean_of_rows(function: Function | None = None, **settings: Any) -> Any:
    """Mean of a number for each row, NaN where there is none, shape (m,).

    Parameters
    ----------
    unit : str
        A base unit: "score" unless said otherwise, "currency", "seconds", "ratio", "items".
    others
        As of `share_of_rows`.
    """
    return _decorator("mean", "rows", function, settings)


def mean_of_requests(function: Function | None = None, **settings: Any) -> Any:
    """Mean of a number for each request, shape (n,); settings as of `mean_of_rows`."""
    return _decorator("mean", "requests", function, settings)


def quantile_of_rows(function: Function | None = None, **settings: Any) -> Any:
    """Quantile of a number for each row; `quantile` says which, 0.5 unless given; else as `mean_of_rows`."""
    return _decorator("quantile", "rows", function, settings)


def quantile_of_requests(function: Function | None = None, **settings: Any) -> Any:
    """Quantile of a number for each request; `quantile` says which; else as `mean_of_rows`."""
    return _decorator("quantile", "requests", function, settings)


def count_of_rows(function: Function | None = None, **settings: Any) -> Any:
    """How many rows a function marks, never sampled; settings as of `share_of_rows`."""
    return _decorator("count", "rows", function, settings)


def count_of_requests(function: Function | None = None, **settings: Any) -> Any:
    """How many requests a function marks, never sampled; settings as of `share_of_rows`."""
    return _decorator("count", "requests", function, settings)


def _decorator(measured: str, of: Of, function: Function | None, settings: dict[str, Any]) -> Any:
    def decorate(function: Function) -> type[OneQuestion]:
        return _of_function(function, measured, of, **settings)

    return decorate if function is None else decorate(function)


def _of_function(
    function: Function,
    measured: str,
    of: Of,
    *,
    columns: Mapping[str, type] | None = None,
    needs: Any = (),
    unit: str | None = None,
    quantile: float = 0.5,
    **limits: Any,
) -> type[OneQuestion]:
    name, code = function.__name__, function.__code__
    says = (function.__doc__ or "").strip().partition("\n\n")[0].replace("\n", " ")
    says = re.sub(r"\s+", " ", says).partition(". ")[0].rstrip(".")
    if not says:
        raise ValueError(
            f"{name}() (line {code.co_firstlineno}) has no docstring: its first sentence is the help of the metric"
        )
    if unknown := sorted(set(limits) - set(LIMITS)):
        known = ", ".join(("columns", "needs", "unit", "quantile", *LIMITS))
        raise ValueError(f"{unknown[0]!r} is no setting of {name}: use some of {known}")
    if columns is not None and not isinstance(columns, Mapping):
        raise ValueError(f"columns of {name} must say of which type each is, such as {{'price': float}}")
    return detector_of(
        Question(
            name, function, measured, of, says, function.__module__,
            crc32(code.co_code + repr(code.co_consts).encode()) % 2**31, dict(columns or {}), frozenset(needs),
            unit_of(measured, of, unit), quantile,
        ),
        Limits(**limits),
    )  # fmt: skip


def unit_of(measured: str, of: Of, unit: str | None) -> Unit:
    """The unit of a measure; only numbers have one that has to be said."""
    if measured == "share":
        return Unit.RATIO
    if measured == "count":
        return Unit.ROWS if of == "rows" else Unit.REQUESTS
    if unit is not None and unit not in [*Unit]:
        raise ValueError(f"{unit!r} is not a base unit: use one of {', '.join(Unit)}")
    return Unit(unit) if unit is not None else Unit.SCORE


def detector_of(question: Question, limits: Limits) -> type[OneQuestion]:
    """The detector that asks a question.

    Raises
    ------
    ValueError
        When its name is none for a metric, or a column is declared as something that there is not.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,59}", question.name):
        raise ValueError(
            f"{question.name!r} is not a name for a detector: write lower-case letters, digits and _, a letter first"
        )
    for column, kind in question.columns.items():
        if kind not in KINDS:
            raise ValueError(f"column {column!r} of {question.name} must be float, bool or str, not {kind!r}")
    if not 0 < question.quantile < 1:
        raise ValueError(f"quantile of {question.name} must be between 0 and 1, not {question.quantile:g}")
    state = _state_of(question)
    measured = question.of if question.measured == "count" else question.measured
    defaults = limits.for_question(question.measured)
    roles = {"request"} if question.of == "requests" else {"user"} if question.of == "users" else set()
    members: dict[str, Any] = {
        "__doc__": f"{question.says.rstrip('.')}.",
        "__module__": question.module,
        "__annotations__": dict(ANNOTATIONS),
        "name": question.name,
        "statistics": (state, Panel),
        "columns": question.columns,
        "unit": question.unit,
        "measured": measured,
        "says": question.says,
        "needs": question.needs | roles | {f"column {name}" for name in question.columns},
        "of_rows": question.of == "rows",
        "quantile": question.quantile,
        "state": state,
        "function": staticmethod(question.function),
        **defaults,
    }
    return dataclass(frozen=True)(type(question.name, (OneQuestion,), members))


ANNOTATIONS: Mapping[str, Any] = {
    "above": float | None,
    "below": float | None,
    "change": float | None,
    "direction": Direction,
    "relative": bool,
    "severity": Severity,
}

STATES_VERSION = 1  # raised when the arrays of the states below change
STATES: Mapping[tuple[str, bool], type[State]] = {
    ("share", False): GroupShares,
    ("share", True): UserMarks,
    ("mean", False): GroupSums,
    ("quantile", False): Numbers,
    ("count", False): Counts,
}


def _state_of(question: Question) -> type[State]:
    of_rows, numbers = question.of == "rows", question.measured in ("mean", "quantile")
    of_ratios = partial(checked_numbers, ratio=question.unit is Unit.RATIO)
    checked = of_ratios if numbers else checked_mask

    def answer(batch: Batch) -> Answer:
        with np.errstate(all="ignore"):  # what is not a number is dealt with, not warned of
            try:
                answered = question.function(View(batch, question.columns))
            except ValueError as error:
                if "truth value of an array" in str(error):  # as numpy has it
                    error.args = (
                        "a mask is neither true nor false: combine masks by &, | and ~, not by and, or, not",
                    )
                raise
        return checked(question.function, answered, batch, of_rows)

    base = STATES[question.measured, question.of == "users"]
    made: type[State] = dataclass(frozen=True)(
        type(
            f"{question.name}_{base.__name__}",
            (base,),
            {
                "__module__": question.module,
                "__doc__": base.__doc__,
                "__annotations__": {},
                "name": f"own.{question.name}",
                "version": (question.version + STATES_VERSION) % 2**31,
                "columns": question.columns,
                "answer": staticmethod(answer),
            },
        )
    )
    return made
