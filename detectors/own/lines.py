"""A detector made of a line of configuration: a share, a mean, a quantile or a count of an expression."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zlib import crc32

import numpy as np

from detectors.own.detector import OneQuestion
from detectors.own.expression import FLAG, NUMBER, Expression, ExpressionError, parse
from detectors.own.functions import Limits, Of, Question, detector_of, unit_of
from detectors.own.view import View

MEASURED = {"share_of": "share", "mean_of": "mean", "quantile_of": "quantile", "count_of": "count"}
KEYS = (*MEASURED, "among", "of", "quantile", "unit", "says")
OF = ("rows", "requests", "users")


class LineError(ValueError):
    """What is wrong with a line, and under which key."""

    def __init__(self, key: str, what: str) -> None:
        super().__init__(what)
        self.key = key


def is_line(settings: Mapping[str, Any]) -> bool:
    """Whether settings describe a detector by an expression."""
    return any(key in settings for key in MEASURED)


def line(name: str, settings: Mapping[str, Any]) -> type[OneQuestion]:
    """The detector that a line describes.

    Parameters
    ----------
    settings : mapping
        One of `share_of`, `mean_of`, `quantile_of` and `count_of` with an expression; `among`, an expression for what
        counts at all; `of`, "rows", or "requests" or "users" with such a row; `quantile`, `unit`, `says`. Others are
        left to the detector.

    Raises
    ------
    LineError

    >>> pricey = line("pricey", {"share_of": "price > 1000", "above": 0.2})
    >>> pricey(above=0.2).measures()[0].help
    'Share of rows with price > 1000.'
    """
    keys = [key for key in MEASURED if key in settings]
    if len(keys) > 1:
        raise LineError(
            keys[1], f"a line asks one thing, and {keys[0]} is there already: make it a second one"
        )
    key = keys[0]
    measured, of = MEASURED[key], settings.get("of", "rows")
    if of not in OF or (measured == "count" and of == "users"):
        known = OF[:2] if measured == "count" else OF
        raise LineError("of", f"{of!r} is not known here; use one of {', '.join(known)}")
    if measured in ("mean", "quantile") and of != "rows":
        raise LineError(
            "of", f"{key} is of rows: write a function for one number of a whole {of.removesuffix('s')}"
        )
    asked = _parsed(key, settings[key], NUMBER if measured in ("mean", "quantile") else FLAG)
    among = _parsed("among", settings["among"], FLAG) if "among" in settings else None
    says = settings.get("says") or _in_words(measured, of, settings[key], settings.get("among"), settings)
    for text in ("says", "unit"):
        if not isinstance(settings.get(text, ""), str):
            raise LineError(text, "must be text")
    quantile = settings.get("quantile", 0.5)
    if isinstance(quantile, bool) or not isinstance(quantile, int | float) or not 0 < quantile < 1:
        raise LineError("quantile", f"{quantile} is not between 0 and 1")
    try:
        unit = unit_of(measured, of, settings.get("unit"))
    except ValueError as error:
        raise LineError("unit", str(error)) from error
    columns = _columns(asked, among)
    roles = asked.roles | (among.roles if among else frozenset())
    question = Question(
        name, _function(asked, among, measured, of), measured, of, says, __name__,
        crc32(repr([settings.get(k) for k in KEYS]).encode()) % 2**31, columns, roles - {"item"}, unit, quantile,
    )  # fmt: skip
    limits = {
        k: settings[k] for k in ("above", "below", "change") if isinstance(settings.get(k), int | float)
    }
    try:
        return detector_of(question, Limits(**limits))
    except ValueError as error:
        raise LineError("", str(error)) from error


def _parsed(key: str, text: Any, wanted: str) -> Expression:
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise LineError(key, 'must be an expression, such as "price > 1000"')
    try:
        return parse(str(text), wanted)
    except ExpressionError as error:
        raise LineError(key, str(error)) from error


def _columns(asked: Expression, among: Expression | None) -> dict[str, type]:
    columns = dict(asked.columns)
    for name, kind in (among.columns if among else {}).items():
        if columns.setdefault(name, kind) is not kind:
            raise LineError(
                "among", f"{name} is used as {kind.__name__} here and as {columns[name].__name__} before"
            )
    return columns


def _function(asked: Expression, among: Expression | None, measured: str, of: Of) -> Any:
    def answer(view: View) -> Any:
        found = np.broadcast_to(np.asarray(asked.of(view)), (view.n_rows,))
        if measured in ("mean", "quantile"):
            numbers = found.astype(float)
            return np.where(
                np.isinf(numbers) | (np.logical_not(among.of(view)) if among else False), np.nan, numbers
            )
        counts = np.broadcast_to(np.asarray(among.of(view)), (view.n_rows,)) if among else None
        marked = found if counts is None else found & counts
        if of == "rows":
            return marked if counts is None else (marked, counts)
        return view.any_row(marked) if counts is None else (view.any_row(marked), view.any_row(counts))

    return answer


def _in_words(measured: str, of: str, asked: Any, among: Any, settings: Mapping[str, Any]) -> str:
    where = f" among {of} with {among}" if among is not None else ""
    if measured == "share":
        return f"Share of {of} with {asked}{where}"
    if measured == "count":
        return f"Number of {of} with {asked}{where}"
    if measured == "mean":
        return f"Mean of {asked}{where}"
    return f"Quantile {settings.get('quantile', 0.5)} of {asked}{where}"
