"""`recwatch backtest CONFIG`: what would have been told over history, and when."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.cli.progress import progress
from monitor.cli.times import MOMENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.config.models import RecommenderConfig
    from monitor.exposition.backfill import Backfill
    from monitor.incidents.incident import Incident
    from monitor.incidents.rebaseline import Rebaseline

TARGET = ("job=recwatch", "instance=127.0.0.1:10147")  # as in the examples for Prometheus


@click.command(short_help="What would have been told over history, and when.")
@click.argument("config", type=click.Path(path_type=Path))
@click.option(
    "--from", "begin", type=MOMENT, default=None, help="First window; the log's first event by default."
)
@click.option(
    "--to", "end", type=MOMENT, default=None, help="End of the last window; the log's last event by default."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=None,
    help="Write the incidents as a JSON array.",
)
@click.option(
    "--openmetrics",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE",
    help="Write the metrics that the daemon would have had, for `promtool tsdb create-blocks-from openmetrics`.",
)
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="NAME=VALUE",
    help="With --openmetrics: a label that your Prometheus adds to what it scrapes; job=recwatch and "
    "instance=127.0.0.1:10147 if not said otherwise. May be repeated.",
)
@click.option(
    "--storage.path",
    "storage",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FOLDER",
    help="Honour the rebaselines that are kept there.",
)
def backtest(
    config: Path,
    begin: datetime | None,
    end: datetime | None,
    output: Path | None,
    openmetrics: Path | None,
    labels: tuple[str, ...],
    storage: Path | None,
) -> None:
    """Judge history as if recwatch had been there: each window with what was known when it was due."""
    from monitor.config.split import expand, is_split
    from monitor.daemon.inspection import inspect
    from monitor.exposition.backfill import Backfill, parse_labels
    from monitor.split_values import split_values

    now = datetime.now(UTC)
    found = inspect(str(config))
    told: list[Incident] = []
    cap = found.config.daemon.series_per_recommender
    backfill = Backfill(found.catalogue, parse_labels((*TARGET, *labels)), cap, now) if openmetrics else None
    for recommender in found.config.recommenders:
        values = split_values(recommender, end or now) if is_split(recommender) else ()
        for one in expand(recommender, values) if is_split(recommender) else (recommender,):
            told += _history(one, begin, end, backfill, _meant(storage, one.name))
    if openmetrics is not None and backfill is not None:
        backfill.write(openmetrics)
    told.sort(key=lambda i: (i.opened_at, i.id))
    for incident in told:
        click.echo(_line(incident))
    if output is not None:
        output.write_text(json.dumps([i.to_json() for i in told], indent=1) + "\n", encoding="utf-8")


def _meant(storage: Path | None, recommender: str) -> list[Rebaseline]:
    """The changes that somebody said are meant, each known from the window on after which it was said."""
    from monitor.store.store import Store

    if storage is None:
        return []
    with Store.open(storage, read_only=True) as store:
        return store.rebaselines(recommender)


def _history(
    recommender: RecommenderConfig,
    begin: datetime | None,
    end: datetime | None,
    backfill: Backfill | None,
    rebaselines: Sequence[Rebaseline],
) -> list[Incident]:
    from monitor import cycle
    from monitor.errors import LogError, UserError
    from monitor.exposition.backfill import Told
    from monitor.logs import PredictionLog
    from monitor.windows import Window, windows_between

    try:
        span = PredictionLog(recommender.log).span()
    except LogError as error:
        raise UserError(f"{recommender.name}: {error}") from error
    length = recommender.window.length
    if span is not None:
        first = begin or Window.containing(span[0], length).start
        last = end or Window.containing(span[1], length).end
    elif begin is not None and end is not None:
        first, last = begin, end
    else:
        raise UserError(f"{recommender.name}: {recommender.log.path} holds no events: say --from and --to")
    windows = list(windows_between(first, last, length))
    found: dict[str, Incident] = {}
    counted: dict[str, Any] = {"rows": 0, "evaluated": 0}
    known = Told(recommender)
    with progress(recommender.name, len(windows)) as step:
        for evaluation in cycle.backtest(recommender, windows, rebaselines=rebaselines):
            step(f"{evaluation.window.start:%Y-%m-%d %H:%M}")
            found.update({i.id: i for i in evaluation.open_incidents})
            if backfill is not None:
                backfill.add(known.after(evaluation), evaluation.told_at, evaluation.told_at + length)
            counted["rows"] += evaluation.read.rows
            counted["evaluated"] += evaluation.status.value == "evaluated"
            for detector, why in evaluation.failures.items():
                click.echo(
                    f"{recommender.name} {evaluation.window.start:%Y-%m-%dT%H:%MZ}: detector {detector} failed: {why}",
                    err=True,
                )
            if evaluation.status.value in ("failed", "refused"):
                click.echo(
                    f"{recommender.name} {evaluation.window.start:%Y-%m-%dT%H:%MZ}: {evaluation.reason}",
                    err=True,
                )
    click.echo(
        f"{recommender.name}: {counted['evaluated']} of {len(windows)} windows evaluated, {counted['rows']:,} rows, "
        f"{sum(i.severity.value == 'page' for i in found.values())} pages, "
        f"{sum(i.severity.value == 'ticket' for i in found.values())} tickets"
    )
    return list(found.values())


def _line(incident: Incident) -> str:
    until = f"until {incident.resolved_at:%Y-%m-%d %H:%M}" if incident.resolved_at else "still open"
    return f"{incident.opened_at:%Y-%m-%d %H:%M} UTC  {incident.severity.value:6s}  {incident.summary}  ({until})"
