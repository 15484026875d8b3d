"""`recwatch check`: whether a configuration is right, what it cannot measure, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click

from monitor.catalog import CatalogRead
from monitor.cli.contained import checked
from monitor.cli.progress import progress
from monitor.config.effective import to_yaml
from monitor.config.models import Config, Mode, RecommenderConfig
from monitor.config.problems import child
from monitor.detector_settings import build
from monitor.errors import LogError, UserError
from monitor.expectations import ended, expected_on
from monitor.inspect.agreement import OpenedLog, disagreements, open_log
from monitor.inspect.catalog_check import catalog_lines, read_configured
from monitor.inspect.plan_report import plan_lines
from monitor.inspect.report import measurable_lines
from monitor.measurable import available


@click.command(short_help="Validate a configuration; tell what it will cost.")
@click.argument("config", type=click.Path(path_type=Path))
@click.option(
    "--plan", is_flag=True, help="Tell what a day costs, and the smallest trouble that each slice would show."
)
@click.option(
    "--print-effective",
    is_flag=True,
    help="Print the result of all inheritance, as YAML; logs are not looked at.",
)
def check(config: Path, plan: bool, print_effective: bool) -> None:
    """Validate CONFIG: its keys, the detectors' settings, and that the logs are there with their columns.

    Exit codes: 0; 2 for a mistake, with its exact key.
    """
    found = checked(config)
    if print_effective:
        click.echo(to_yaml(found), nl=False)
        if not plan:
            return
    opened, catalogues, problems = _open(found)
    if problems:
        raise UserError("\n".join(f"{config}: {problem}" for problem in problems))
    for recommender, log, catalogue in zip(found.recommenders, opened, catalogues, strict=True):
        for line in _about(recommender, log, catalogue):
            click.echo(line)
        if plan:
            for line in plan_lines(recommender, log, found.daemon.series_per_recommender):
                click.echo(line)
    n = len(found.recommenders)
    click.echo(f"{config}: {'1 recommender is' if n == 1 else f'{n} recommenders are'} fine")


def _open(config: Config) -> tuple[list[OpenedLog], list[CatalogRead | None], list[str]]:
    """The logs and catalogues of all recommenders, and what is wrong with them."""
    opened: list[OpenedLog] = []
    catalogues: list[CatalogRead | None] = []
    problems: list[str] = []
    with progress("logs", len(config.recommenders)) as step:
        for index, recommender in enumerate(config.recommenders):
            at = child("recommenders", index)
            try:
                log = open_log(recommender)
                problems += [f"{_path(at, keys)}: {what}" for keys, what in disagreements(recommender, log)]
                opened.append(log)
            except LogError as error:
                problems.append(f"{at}.log.path: {error}")
            try:
                catalogues.append(read_configured(recommender))
            except LogError as error:
                problems.append(f"{at}.catalog: {error}")
            step(recommender.name)
    return opened, catalogues, problems


def _path(at: str, keys: tuple[str | int, ...]) -> str:
    for key in keys:
        at = child(at, key)
    return at


def _about(recommender: RecommenderConfig, opened: OpenedLog, catalogue: CatalogRead | None) -> Iterator[str]:
    log = recommender.log
    yield f"{recommender.name}: {log.path} ({log.format}, {log.layout}),"
    yield f"  events from {opened.first:%Y-%m-%d %H:%M} to {opened.last:%Y-%m-%d %H:%M} UTC"
    detectors = build(recommender.detectors, recommender.detector_files)
    has, lacks = available(recommender, opened.found), {}
    if catalogue is not None:
        yield from (f"  {line}" for line in catalog_lines(catalogue, opened))
        lacks = {f"catalog.{part}": why for part, why in catalogue.lacks.items()}
        has |= catalogue.asked
    today = datetime.now(UTC).date()
    kinds = expected_on(recommender, today).all_kinds
    yield from (f"  {line}" for line in measurable_lines(detectors, has - set(lacks), kinds, lacks))
    silent = [name for name, configured in detectors.items() if configured.mode is Mode.OBSERVE]
    if silent and recommender.mode is not Mode.OBSERVE:
        yield f"  only observed, nobody is told (mode: observe): {', '.join(silent)}"
    for keys, what in ended(recommender, today):
        yield f"  {_path('', keys)}: {what}"
