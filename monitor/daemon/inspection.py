"""Reading a configuration where the detectors are: in a worker, for the parent imports none of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from monitor.config.loader import load
from monitor.daemon.messages import Inspection
from monitor.detector_settings import build, check_detectors
from monitor.errors import UserError
from monitor.exposition.catalogue import MeasureInfo, measure_families
from monitor.reading.described import Described, describe, limits
from monitor.reading.explanation import Settings


def inspect(path: str) -> Inspection:
    """Read and check a configuration file.

    Raises
    ------
    UserError
        When anything in it is wrong.
    """
    config = load(Path(path), check_detectors)
    catalogue: dict[str, MeasureInfo] = {}
    detectors: dict[str, tuple[str, ...]] = {}
    described: dict[str, dict[str, Described]] = {}
    limits_of: dict[str, Settings] = {}
    for recommender in config.recommenders:
        made = build(recommender.detectors, recommender.detector_files)
        detectors[recommender.name] = tuple(made)
        described[recommender.name] = describe(made, recommender)
        limits_of[recommender.name] = limits(made, recommender)
        files = recommender.detector_files
        for settings in (recommender.detectors, *_overridden(recommender.detectors, recommender.overrides)):
            for name, configured in build(settings, files).items():
                for measure in configured.measures():
                    full = f"{name}.{measure.name}"
                    catalogue[full] = MeasureInfo(full, measure.unit.value, measure.help)
    try:
        measure_families(catalogue)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error
    return Inspection(config, catalogue, detectors, described, limits_of)


def _overridden(
    settings: Mapping[str, Mapping[str, Any]], overrides: Mapping[str, Mapping[str, Any]]
) -> Iterator[Mapping[str, Mapping[str, Any]]]:
    """The settings with each override's own worked in: it may bring a detector."""
    for part in overrides.values():
        own = part.get("detectors") or {}
        yield {**settings, **{name: {**settings.get(name, {}), **(own[name] or {})} for name in own}}
