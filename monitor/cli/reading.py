"""What the commands that show what the store knows have in common: their options, units and limits, and layout."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from monitor.config.models import Config
    from monitor.reading.explanation import Settings

STORAGE = click.option(
    "--storage.path",
    "storage",
    type=click.Path(path_type=Path),
    default=Path("recwatch-state"),
    show_default=True,
    help="Folder of what is remembered.",
)
CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE",
    help="The configuration: adds what the store does not keep.",
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="For programs.")


@dataclass(frozen=True)
class Known:
    """What is known of measures: units by full name, and the settings of a recommender's detectors."""

    units: dict[str, str] = field(default_factory=dict)
    settings: Callable[[str], Settings] = lambda name: _no_settings()


def known(config: Config | None) -> Known:
    """From a configuration, or of the detectors that are installed, with their defaults."""
    from detectors.core.detector import discover
    from monitor.detector_settings import build

    if config is None:
        installed = build({}, [])
        return Known(_units(installed), lambda name: _settings(installed, None))
    by_name = {r.name: (r, build(r.detectors, r.detector_files)) for r in config.recommenders}
    units: dict[str, str] = {
        f"{name}.{m.name}": m.unit.value for name, kind in discover().items() for m in kind().measures()
    }
    for _, made in by_name.values():
        units |= _units(made)

    def of(name: str) -> Settings:
        found = by_name.get(name) or by_name.get(name.partition("/")[0])
        return _settings(found[1], found[0]) if found else _no_settings()

    return Known(units, of)


def read_config(path: Path | None) -> Config | None:
    """The configuration, checked down to its detectors."""
    from monitor.config.loader import load
    from monitor.detector_settings import check_detectors

    return load(path, check_detectors) if path is not None else None


def echo_json(document: Any) -> None:
    """As JSON has it: what is not a number is null."""
    click.echo(json.dumps(_finite(document), indent=1, allow_nan=False))


def _finite(document: Any) -> Any:
    if isinstance(document, dict):
        return {key: _finite(value) for key, value in document.items()}
    if isinstance(document, list | tuple):
        return [_finite(value) for value in document]
    return None if isinstance(document, float) and not math.isfinite(document) else document


def table(rows: Iterable[Sequence[str]]) -> list[str]:
    """Rows with their columns under each other.

    >>> table([("a", "bc"), ("def", "g")])
    ['a    bc', 'def  g']
    """
    rows = [tuple(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]


def _units(made: Any) -> dict[str, str]:
    return {f"{name}.{m.name}": m.unit.value for name, d in made.items() for m in d.measures()}


def _no_settings() -> Settings:
    from monitor.reading.explanation import Settings

    return Settings()


def _settings(made: Any, recommender: Any) -> Settings:
    """Absolute limits and modes of configured detectors; of several limits the one that is passed first."""
    from detectors.judgement.spec import Floor
    from monitor.config.models import Mode
    from monitor.reading.explanation import Settings

    above: dict[str, float] = {}
    below: dict[str, float] = {}
    for name, detector in made.items():
        for measure in detector.measures():
            full = f"{name}.{measure.name}"
            for spec in measure.judge:
                if isinstance(spec, Floor) and spec.above is not None:
                    above[full] = min(spec.above, above.get(full, spec.above))
                if isinstance(spec, Floor) and spec.below is not None:
                    below[full] = max(spec.below, below.get(full, spec.below))
    if recommender is None:
        return Settings(above, below)
    modes = {name: min(recommender.mode, d.mode, key=list(Mode).index) for name, d in made.items()}
    return Settings(above, below, modes)
