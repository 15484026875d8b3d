"""What a configuration says of its detectors, as plain values: for readers that load no detector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from detectors.core.detector import settings_of
from monitor.config.models import Mode, RecommenderConfig
from monitor.reading.explanation import Settings

if TYPE_CHECKING:
    from monitor.detector_settings import ConfiguredDetector

LONGEST = 200  # characters of a setting or a judgement


@dataclass(frozen=True)
class Described:
    """One detector as it is configured.

    Parameters
    ----------
    mode : Mode
        Who is told, the recommender's own mode included.
    settings : tuple of (name, value)
    judged : mapping of full measure name to tuple of str
        How each measure is judged.
    needs : mapping of full measure name to tuple of str
        Columns that it needs.
    """

    mode: Mode
    settings: tuple[tuple[str, str], ...] = ()
    judged: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def describe(made: Mapping[str, ConfiguredDetector], recommender: RecommenderConfig) -> dict[str, Described]:
    """Every detector of a recommender, by name."""
    return {
        name: Described(
            min(recommender.mode, d.mode, key=list(Mode).index),
            tuple(
                (setting, str(value)[:LONGEST])
                for setting, value in settings_of(d.detector).items()
                if not callable(value)
            ),
            {f"{name}.{m.name}": tuple(str(j)[:LONGEST] for j in m.judge) for m in d.measures()},
            {f"{name}.{m.name}": tuple(sorted(m.needs)) for m in d.measures() if m.needs},
        )
        for name, d in made.items()
    }


def limits(made: Mapping[str, ConfiguredDetector], recommender: RecommenderConfig | None) -> Settings:
    """Absolute limits and modes of configured detectors; of several limits the one that is passed first."""
    from detectors.judgement.spec import Floor

    above: dict[str, float] = {}
    below: dict[str, float] = {}
    units: dict[str, str] = {}
    for name, detector in made.items():
        for measure in detector.measures():
            full = f"{name}.{measure.name}"
            units[full] = measure.unit.value
            for spec in measure.judge:
                if isinstance(spec, Floor) and spec.above is not None:
                    above[full] = min(spec.above, above.get(full, spec.above))
                if isinstance(spec, Floor) and spec.below is not None:
                    below[full] = max(spec.below, below.get(full, spec.below))
    if recommender is None:
        return Settings(above, below, units=units)
    modes = {name: min(recommender.mode, d.mode, key=list(Mode).index) for name, d in made.items()}
    return Settings(above, below, modes, units)
