"""The sentence that says what is wrong, as somebody woken at night reads it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from detectors.core.measurement import Unit
from detectors.judgement.spec import Compared
from monitor.incidents.breach import Breach

LONGEST = 80  # characters of an item's name


def sentence(breach: Breach, recommender: str, rows: str = "requests") -> str:
    """What is wrong, where, and what would have been usual.

    Parameters
    ----------
    rows : str
        What the log counts: "requests", or "rows" where it has no requests.
    """
    fields = {
        **{name: _said(found, breach.measure.unit) for name, found in breach.evidence.items()},
        "item": f"item {shorten(breach.item)}" if breach.item else "one item",
        "requests": rows,
        "part": shorten(str(breach.evidence.get("part", "a part of it"))),
        "position": breach.evidence.get("position", 1),
        "value": "no"
        if breach.value == 0 and breach.measure.unit.counts_traffic
        else say(breach.value, breach.measure.unit),
        "expected": "nothing known"
        if math.isnan(breach.expected)
        else say(breach.expected, breach.measure.unit),
    }
    what = (breach.measure.says or _plain(breach)).format_map(_Fields(fields))
    compared = any(isinstance(judgement, Compared) for judgement in breach.measure.judge)
    if math.isnan(breach.expected) or not compared or "{expected}" in breach.measure.says:
        usual = ""
    elif (
        breach.item and "{item}" in breach.measure.says
    ):  # what is expected is expected of whichever item is on top
        usual = f"; the top item usually has {fields['expected']}"
    else:
        usual = f", usually {fields['expected']}"
    return f"{recommender}: {what}{usual}{_blamed(breach, fields)}{say_place(breach.where)}."


def _blamed(breach: Breach, fields: Mapping[str, Any]) -> str:
    """The item that is to blame, where the measure is of all items and its sentence names none."""
    if not breach.item or "{item}" in breach.measure.says or not {"share", "share_before"} <= fields.keys():
        return ""
    return (
        f"; {fields['item']} has {fields['share']} of {fields['requests']}, before {fields['share_before']}"
    )


def say_place(where: Mapping[str, str]) -> str:
    """The place in words.

    >>> say_place({"surface": "email"}), say_place({})
    (' (surface email)', '')
    """
    return f" ({', '.join(f'{c} {shorten(v)}' for c, v in sorted(where.items()))})" if where else ""


def say(value: float, unit: Unit) -> str:
    """A value as people write it.

    >>> say(0.974, Unit.RATIO), say(0.004, Unit.RATIO), say(1523.4, Unit.REQUESTS), say(5400, Unit.SECONDS)
    ('97 %', '0.4 %', '1,523', '1 h 30 min')
    """
    if math.isnan(value):
        return "unknown"
    if unit is Unit.RATIO:
        return (
            f"{value:.0%}".replace("%", " %")
            if value >= 0.1 or value == 0
            else f"{value:.1%}".replace("%", " %")
        )
    if unit is Unit.CHANGE:
        return f"{value:+.0%}".replace("%", " %")
    if unit is Unit.SECONDS:
        minutes = round(value / 60)
        return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def finite(value: float) -> float | None:
    """A value as JSON has it; None where it is not known."""
    return value if math.isfinite(value) else None


def shorten(text: str, longest: int = LONGEST) -> str:
    """One line of bounded length, whatever the log put into it."""
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= longest else text[: longest - 1] + "…"


class _Fields(dict[str, Any]):
    """What a template may name; what the evidence lacks is not known."""

    def __missing__(self, name: str) -> str:
        return "unknown"


def _said(found: Any, unit: Unit) -> str:
    """Something of the evidence: an item or a name, a value, or a place."""
    return say(found, unit) if isinstance(found, float) else shorten(str(found))


def _plain(breach: Breach) -> str:
    return f"{breach.detector.replace('_', ' ')}: {breach.measure.name.replace('_', ' ')} is {{value}}"
