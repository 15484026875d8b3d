"""What a log does not allow to be measured, and why: the same words in `init`, `check` and on the page."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from types import MappingProxyType

from detectors.core.detector import Detector
from detectors.core.expected import PERSONALISED, POPULAR
from detectors.core.measurement import Measure
from detectors.core.summary import Summary
from monitor.config.models import CATALOG_PARTS, Columns, LogConfig, RecommenderConfig
from monitor.evaluation import CannotMeasure

WHY = {
    "catalog": "no catalogue is configured",
    **{
        f"catalog.{part}": f"the catalogue does not say it (catalog.columns.{part})" for part in CATALOG_PARTS
    },
    "empty_lists": "only the list layout shows empty lists",
    "partitions": "the log has no folders that say the time of their rows (log.partitions)",
    "position": "the log has no position column",
    "logged_position": "the log has no position column",
    "model_version": "the log has no model version column",
    "version_slice": "model versions are compared where `log.columns.model_version` is among the `slices`: add it",
    "context": "the log has no context column",
    "numbers": "no columns of numbers are named (detectors.drift.numbers)",
    "texts": "no columns of texts are named (detectors.drift.texts)",
    "slices": "nothing is sliced by",
    "fallback_lists": "no fallback lists are named (detectors.fallback.lists)",
    "click": "nothing says what was clicked (log.columns.click, outcomes)",
    "conversion": "no conversions are configured (outcomes.conversions)",
    "value": "nothing says what an outcome is worth (outcomes.columns.value, catalog.columns.value)",
}


def cannot_measure(
    detectors: Iterable[Detector],
    has: Collection[str],
    kinds: Collection[str] = (PERSONALISED,),
    why: Mapping[str, str] = MappingProxyType({}),
) -> list[CannotMeasure]:
    """The measures whose needs are not met, in the order of the detectors.

    Parameters
    ----------
    detectors : iterable of Detector
    has : collection of str
        What there is, by role: "request", "user", "position", "score", "click", "catalog", "empty_lists" ...
    kinds : collection of str
        All kinds of lists that the recommender has.
    why : mapping of role to text
        Why something that is configured is not there.

    >>> from detectors.lists import Lists
    >>> cannot_measure([Lists()], {"request", "position", "logged_position"})
    [CannotMeasure(measure='lists.empty_share', why='only the list layout shows empty lists')]
    """
    return [
        CannotMeasure(f"{detector.name}.{measure.name}", " and ".join(reasons))
        for detector in detectors
        for measure in detector.measures()
        if (reasons := _why_not(measure, has, kinds, why)) and not _nobody_misses(measure, why)
    ]


def does_not_suit(
    detectors: Iterable[Detector], summary: Summary, has: Collection[str], kinds: Collection[str]
) -> list[CannotMeasure]:
    """The measures that the log has the columns for, but not what they would need to hold."""
    out = []
    for detector in detectors:
        with suppress(Exception, SystemExit):  # one that fails here fails when it measures, and is told then
            if whys := detector.unsuited(summary):
                out += [
                    CannotMeasure(f"{detector.name}.{measure.name}", whys[measure.name])
                    for measure in detector.measures()
                    if measure.name in whys and is_measurable(measure, has, kinds)
                ]
    return out


def is_measurable(measure: Measure, has: Collection[str], kinds: Collection[str]) -> bool:
    """Whether a log has what a measure needs, and the measure means anything for its kinds of lists."""
    return not _why_not(measure, has, kinds)


def _why_not(
    measure: Measure,
    has: Collection[str],
    kinds: Collection[str],
    why: Mapping[str, str] = MappingProxyType({}),
) -> list[str]:
    if measure.of_sameness and set(kinds) == {POPULAR}:
        return ["the same for everyone is meant (kind: popular)"]
    return _reasons(measure.needs - set(has), why)


def available(recommender: RecommenderConfig, columns: Collection[str] | None = None) -> frozenset[str]:
    """What a recommender's logs and configuration have, in the role words of `Measure.needs`.

    Parameters
    ----------
    columns : collection of str, optional
        Roles that were found in the log; all that are configured when not given.
    """
    has = set(in_log(recommender, columns))
    has |= {column for column in columns or () if column.startswith("column ")}
    if recommender.catalog:
        has |= {"catalog", *(f"catalog.{part}" for part in recommender.catalog.columns)}
    if recommender.outcomes:
        has |= {"outcomes", *recommender.outcomes.kinds}
    if "catalog.value" in has and has & {"click", "conversion"}:
        has.add("value")
    return frozenset(has)


def in_log(recommender: RecommenderConfig, columns: Collection[str] | None = None) -> frozenset[str]:
    """The same of the prediction log alone."""
    configured = {role for role in Columns.model_fields if getattr(recommender.log.columns, role) is not None}
    has = configured if columns is None else configured & set(columns)
    if is_grouped(recommender.log, has):
        has.add("request")
    if recommender.log.layout == "list":
        has |= {"request", "position", "empty_lists"}
    elif "position" in has:
        has.add("logged_position")
    elif "request" in has:
        has.add("position")  # the order of the rows
    if recommender.log.partitions:
        has.add("partitions")
    if version_column(recommender) is not None:
        has.add("version_slice")
    if set(recommender.slices) - {recommender.log.columns.model_version}:
        has.add("slices")
    return frozenset(has)


def counted(recommender: RecommenderConfig) -> str:
    """What its traffic is counted in: "requests", or "rows" where nothing tells which rows are one request."""
    return "requests" if "request" in available(recommender) else "rows"


def is_grouped(log: LogConfig, has: Collection[str]) -> bool:
    """Whether rows without request ids are put together to lists: by what `lists_by` names, if all of it is there."""
    return bool(log.lists_by) and set(log.lists_by) <= set(has)


def version_column(recommender: RecommenderConfig) -> str | None:
    """The slice column that says which model answered, if there is one."""
    column = recommender.log.columns.model_version
    return column if column in recommender.slices else None


def _nobody_misses(measure: Measure, why: Mapping[str, str]) -> bool:
    """Missing values of a column that is not there, and how much a log holds that there is not."""
    absent = any(measure.name == f"missing_{role}_share" for role in measure.needs)
    return absent or ("outcomes" in measure.needs and "outcomes" not in why)


def _reasons(missing: Collection[str], why: Mapping[str, str]) -> list[str]:
    """Why, once for each; no lists says it all of empty ones, no catalogue of its parts, no version of its slices."""
    missing = set(missing) - ({"empty_lists"} if "request" in missing else set())
    missing -= {"version_slice"} if "model_version" in missing else set()
    if "catalog" in missing:
        missing = {role for role in missing if not role.startswith("catalog.")}
    return sorted({why.get(role) or WHY.get(role) or _no_column(role) for role in missing})


def _no_column(role: str) -> str:
    """Of columns that a detector asks for, by the name that it has for them."""
    name = role.removeprefix("column ")
    if name == role:
        return f"the log has no {role} column"
    of_catalog = name.removeprefix("catalog.")
    return (
        f'the log has no column "{name}"'
        if of_catalog == name
        else f'the catalogue has no column "{of_catalog}"'
    )
