"""From the `detectors` section of a configuration to detectors: which run, with which settings, judged how."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass, replace
from typing import Any, get_type_hints

from detectors.core.detector import Detector, discover, load_detector
from detectors.core.measurement import Measure
from detectors.judgement.spec import Judgement
from detectors.own.lines import KEYS as LINE_KEYS
from detectors.own.lines import LineError, is_line, line
from monitor.config.models import Mode, RecommenderConfig
from monitor.config.problems import shown, suggestion
from monitor.errors import UserError
from monitor.exposition.catalogue import MeasureInfo, measure_families
from monitor.judge_settings import Keys, judged, mistakes_of_judge
from monitor.own.files import BadFile, load_files
from monitor.typed_values import read_value, wrong_value

Settings = Mapping[str, Mapping[str, Any]]

COMMON = ("enabled", "mode", "judge")  # settings that every detector has


@dataclass(frozen=True)
class ConfiguredDetector:
    """A detector as a configuration wants it.

    Parameters
    ----------
    detector : Detector
    mode : Mode
        Who is told of its breaches.
    judge : mapping of measure to tuple of Judgement
        Only for the measures that the configuration judges in another way than the detector does.
    """

    detector: Detector
    mode: Mode = Mode.PAGE
    judge: Mapping[str, tuple[Judgement, ...]] = field(default_factory=dict)

    def measures(self) -> tuple[Measure, ...]:
        """The detector's measures, judged as configured."""
        return tuple(replace(m, judge=self.judge.get(m.name, m.judge)) for m in self.detector.measures())


def build(settings: Settings, files: Sequence[str] = ()) -> dict[str, ConfiguredDetector]:
    """The detectors of one recommender by name: all installed ones that are not switched off, and its own.

    Parameters
    ----------
    settings : mapping of detector to settings
        `RecommenderConfig.detectors`.
    files : sequence of str
        `RecommenderConfig.detector_files`.

    Raises
    ------
    UserError
        When a setting is wrong; the same that `check_detectors` tells, for settings that it has not seen.

    >>> sorted(build({}).keys() - build({"scores": {"enabled": False}}).keys())
    ['scores']
    """
    wrong = [f"detectors.{'.'.join(map(str, keys))}: {what}" for keys, what in mistakes(settings, files)]
    if wrong:
        raise UserError("\n".join(wrong))
    made: dict[str, ConfiguredDetector] = {}
    for name, kind in _classes(settings, files).items():
        chosen = settings.get(name) or {}
        if chosen.get("enabled", True):
            detector = kind(**_values(kind, chosen))
            judge = {m.name: judged(m, limits) for m in detector.measures() if (limits := _limits(chosen, m))}
            made[detector.name] = ConfiguredDetector(
                detector, Mode(chosen.get("mode", _mode_of(kind))), judge
            )
    return dict(sorted(made.items()))


def check_detectors(recommender: RecommenderConfig) -> Iterable[tuple[Keys, str]]:
    """What is wrong with a recommender's `detectors`: keys below it, and what to do. The loader's hook."""
    return mistakes(recommender.detectors, recommender.detector_files)


def mistakes(settings: Settings, files: Sequence[str] = ()) -> Iterator[tuple[Keys, str]]:
    """Each mistake of a `detectors` section as the keys below it and what to do.

    >>> list(mistakes({"same_item": {"risse": 0.2}}))
    [(('same_item', 'risse'), 'unknown setting; did you mean "rise"?')]
    """
    installed = discover()
    names: dict[str, str] = {name: name for name in installed}
    try:
        in_files = load_files(files)
    except BadFile as error:
        yield (), f"detector_files: {error}"
        return
    for name, kind in in_files.items():
        if name in installed:
            yield (), f"detector_files: {shown(name)} of {_file_of(kind)} is built in; give it another name"
            return
        names[name] = name
        yield from _mistakes_of(name, kind, settings.get(name) or {})
    for key in settings:
        if key in in_files:
            continue
        if key in installed:
            yield from _mistakes_of(key, installed[key], settings[key])
        elif ":" in key:
            try:
                kind = load_detector(key)
            except ValueError as error:
                yield (key,), str(error).removeprefix(key).removeprefix(":").strip()
                continue
            if names.setdefault(kind.name, key) != key:
                what = f"is called {shown(kind.name)}, as {names[kind.name]} is; give it another name"
                yield (key,), what
            else:
                yield from _mistakes_of(key, kind, settings[key])
        elif is_line(settings[key] or {}):
            try:
                kind = line(key, settings[key])
            except LineError as error:
                yield ((key, error.key) if error.key else (key,)), str(error)
                continue
            yield from _mistakes_of(key, kind, _without_line(settings[key]))
        else:
            known = [*installed, *in_files]
            what = f"unknown detector; {suggestion(key, known)} (your own comes in as module:Class, by "
            what += "detector_files, or with an expression: share_of, mean_of, quantile_of, count_of)"
            yield (key,), what


def _classes(settings: Settings, files: Sequence[str]) -> dict[str, type[Detector]]:
    """Detector classes by their key in the configuration."""
    by_path = {key: load_detector(key) for key in settings if ":" in key}
    known = {**discover(), **load_files(files), **by_path}
    lines = {key: line(key, own) for key, own in settings.items() if key not in known and is_line(own or {})}
    return {**known, **lines}


def _without_line(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a line that are any detector's."""
    return {key: value for key, value in settings.items() if key not in LINE_KEYS}


def _mode_of(kind: type[Detector]) -> Mode:
    """What is not built in watches in silence until somebody trusts it."""
    return Mode.PAGE if is_built_in(kind) else Mode.OBSERVE


def is_built_in(kind: type[Detector]) -> bool:
    """Whether a detector comes with recwatch."""
    return discover().get(kind.name) is kind and kind.__module__.startswith("detectors.")


def _file_of(kind: type[Detector]) -> str:
    return getattr(sys.modules.get(kind.__module__), "__file__", None) or kind.__module__


def _place_of(kind: type[Detector]) -> str:
    """Where a detector of somebody's own is defined, to be put behind a sentence."""
    if kind.__module__.startswith("detectors."):
        return ""
    function = getattr(kind, "function", None)
    with suppress(OSError, TypeError):  # there is no such file any more
        first = function.__code__.co_firstlineno if function else inspect.getsourcelines(kind)[1]
        return f" ({_file_of(kind)}:{first})"
    return f" ({_file_of(kind)})"


def _mistakes_of(key: str, kind: type[Detector], settings: Mapping[str, Any]) -> Iterator[tuple[Keys, str]]:
    own = _settings_of(kind)
    types = get_type_hints(kind) if own else {}
    wrong = [*_wrong_settings(own, types, settings)]
    yield from (((key, name), what) for name, what in wrong)
    if wrong:
        return
    try:
        detector = kind(**_values(kind, settings))
        measures = {measure.name: measure for measure in detector.measures()}
    except (Exception, SystemExit) as error:  # a detector of somebody else may raise anything
        yield (key,), f"cannot be made with these settings: {error}{_place_of(kind)}"
        return
    try:
        measure_families({f"{kind.name}.{m.name}": _info(kind, m) for m in measures.values()})
    except ValueError as error:
        yield (key,), f"{error}{_place_of(kind)}"
        return
    yield from (
        ((key, "judge", *keys), what)
        for keys, what in mistakes_of_judge(measures, settings.get("judge") or {})
    )


def _info(kind: type[Detector], measure: Measure) -> MeasureInfo:
    return MeasureInfo(f"{kind.name}.{measure.name}", measure.unit.value, measure.help)


def _wrong_settings(
    own: Mapping[str, Field[Any]], types: Mapping[str, Any], settings: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    for name, value in settings.items():
        if name in COMMON:
            continue  # told by the checks of the configuration itself
        if name not in own:
            yield name, f"unknown setting; {suggestion(name, [*own, *COMMON])}"
        elif (what := wrong_value(types[name], value)) is not None:
            yield name, what
    for name, field_ in own.items():
        if name not in settings and field_.default is MISSING and field_.default_factory is MISSING:
            yield name, "required, and not given; add it"


def _settings_of(kind: type[Detector]) -> dict[str, Field[Any]]:
    """A detector's fields by name; a class that is no dataclass has no settings."""
    return {f.name: f for f in fields(kind) if f.init} if is_dataclass(kind) else {}


def _values(kind: type[Detector], settings: Mapping[str, Any]) -> dict[str, Any]:
    own = _settings_of(kind)
    types = get_type_hints(kind) if own else {}
    return {name: read_value(types[name], value) for name, value in settings.items() if name in own}


def _limits(settings: Mapping[str, Any], measure: Measure) -> Mapping[str, Any]:
    limits: Mapping[str, Any] = (settings.get("judge") or {}).get(measure.name) or {}
    return limits
