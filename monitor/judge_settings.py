"""How a configuration judges a measure: limits tuned one by one, or whole judgements replaced, added, taken away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import Any, get_type_hints

from detectors.core.measurement import Measure
from detectors.core.verdict import Severity
from detectors.judgement.spec import Floor, History, Judgement, OtherSlice, Reference
from monitor.config.problems import shown, suggestion
from monitor.typed_values import wrong_value

Keys = tuple[str | int, ...]

TUNED = (Floor, History)  # judgements whose limits can be set one by one, beside the measure's own
WHOLE: Mapping[str, type[Judgement]] = {
    "floor": Floor,
    "history": History,
    "reference": Reference,
    "other_slice": OtherSlice,
}


def mistakes_of_judge(
    measures: Mapping[str, Measure], judge: Mapping[str, Any]
) -> Iterator[tuple[Keys, str]]:
    """Each mistake of a detector's `judge` section as the keys below it and what to do."""
    tuned = {name: hint for spec in TUNED for name, hint in get_type_hints(spec).items()}
    if not isinstance(judge, Mapping):
        return  # told by the checks of the configuration itself
    for name, limits in judge.items():
        if name not in measures:
            yield (name,), f"unknown measure; {suggestion(name, measures)}"
            continue
        if not isinstance(limits, Mapping):
            continue
        wrong = [*_wrong_limits(limits, tuned)]
        yield from ((((name, *keys), what)) for keys, what in wrong)
        if not wrong:
            try:
                judged(measures[name], limits)
            except ValueError as error:
                yield (name,), str(error)


def _wrong_limits(limits: Mapping[str, Any], tuned: Mapping[str, Any]) -> Iterator[tuple[Keys, str]]:
    for limit, value in limits.items():
        if limit in WHOLE:
            yield from _wrong_judgement(limit, value)
        elif limit not in tuned:
            yield (limit,), f"unknown limit; {suggestion(limit, [*tuned, *WHOLE])}"
        elif (what := _wrong_limit(limit, tuned[limit], value)) is not None:
            yield (limit,), what


def _wrong_judgement(name: str, value: Any) -> Iterator[tuple[Keys, str]]:
    if value is False:
        return
    if not isinstance(value, Mapping):
        yield (name,), f"must be a mapping of limits, or false to take it away, not {shown(value)}"
        return
    hints = get_type_hints(WHOLE[name])
    for limit, given in value.items():
        if limit not in hints:
            yield (name, limit), f"unknown limit; {suggestion(limit, hints)}"
        elif (what := _wrong_limit(limit, hints[limit], given)) is not None:
            yield (name, limit), what
    required = () if name == "floor" else ("direction", "change")
    if missing := [limit for limit in required if limit not in value]:
        yield (name,), f"needs {' and '.join(missing)}; add it"


def _wrong_limit(limit: str, annotation: Any, value: Any) -> str | None:
    if limit == "severity" and value not in [*Severity]:
        return f"{shown(value)} is not known here; {suggestion(str(value), [*Severity])}"
    if limit == "direction" and value not in ("up", "down", "both"):
        return f"{shown(value)} is not known here; {suggestion(str(value), ['up', 'down', 'both'])}"
    if limit in ("above", "below", "change", "least", "back_hours") and (
        isinstance(value, bool) or not isinstance(value, int | float)
    ):
        return f"{shown(value)} is not a number"
    return wrong_value(annotation, value)


def judged(measure: Measure, limits: Mapping[str, Any]) -> tuple[Judgement, ...]:
    """The measure's judgements with these limits worked in.

    A limit by itself tunes the floor and the comparison with history that the measure has, and adds one that it does
    not have. A whole judgement by its name replaces the measure's own; `false` takes it away.

    Raises
    ------
    ValueError
        When a judgement would have to be added and not all of it is given.

    >>> from detectors.core.measurement import Unit
    >>> measure = Measure("x", Unit.RATIO, "", (Floor(above=0.5), History("up", change=0.1)))
    >>> [j.change for j in judged(measure, {"change": 0.2, "floor": False})]
    [0.2]
    >>> judged(measure, {"history": False, "other_slice": {"direction": "up", "change": 0.1}})[1].slice
    'all'
    """
    whole = {name: limits[name] for name in WHOLE if name in limits}
    own = tuple(j for j in measure.judge if not any(type(j) is WHOLE[name] for name in whole))
    added = [WHOLE[name](**_severe(given)) for name, given in whole.items() if given is not False]
    return (*_tuned(own, {name: v for name, v in limits.items() if name not in WHOLE}), *added)


def _tuned(judge: tuple[Judgement, ...], limits: Mapping[str, Any]) -> tuple[Judgement, ...]:
    limits = _severe(limits)
    out: list[Judgement] = []
    left = set(limits) - {"severity"}
    for judgement in judge:
        own = {name: limits[name] for name in limits if name in {f.name for f in fields(judgement)}}
        left -= set(own)
        out.append(replace(judgement, **own))
    floor = {name: limits[name] for name in ("above", "below", "severity") if name in limits}
    if left & {"above", "below"}:
        out.insert(0, Floor(**floor))
    history = {
        name: limits[name]
        for name in ("direction", "change", "relative", "severity", "least")
        if name in limits
    }
    if left & {"direction", "change", "relative", "least"}:
        if not {"direction", "change"} <= set(history):
            raise ValueError("is not compared with history yet; that takes both direction and change")
        out.append(History(**history))
    return tuple(out)


def _severe(limits: Mapping[str, Any]) -> dict[str, Any]:
    return {**limits, "severity": Severity(limits["severity"])} if "severity" in limits else dict(limits)
