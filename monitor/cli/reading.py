"""What the commands that show what the store knows have in common: their options, units and limits, and layout."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.config.problems import shown, suggestion
from monitor.errors import UserError

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


def settings_of(config: Config | None, recommender: str) -> Settings:
    """Of a recommender's detectors, its own included; without a configuration of those that are installed."""
    from monitor.detector_settings import build
    from monitor.reading.described import limits

    if config is None:
        return limits(build({}, []), None)
    names = (
        recommender,
        recommender.partition("/")[0],
    )  # one made from a split has the detectors of the whole
    found = next((r for name in names for r in config.recommenders if r.name == name), None)
    if found is None:
        known = [r.name for r in config.recommenders]
        raise UserError(
            f"--config: has no recommender {shown(recommender)}; {suggestion(recommender, known)}"
        )
    return limits(build(found.detectors, found.detector_files), found)


def read_config(path: Path | None) -> Config | None:
    """The configuration, checked down to its detectors."""
    from monitor.cli.contained import checked

    return checked(path) if path is not None else None


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
