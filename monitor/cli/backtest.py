"""`recwatch backtest CONFIG`: what would have been told over history, and when."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.progress import progress
from monitor.cli.times import MOMENT
from monitor.daemon.process import HISTORY, WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.config.models import RecommenderConfig
    from monitor.daemon.history import Historian
    from monitor.exposition.backfill import Backfill
    from monitor.incidents.incident import Incident
    from monitor.incidents.rebaseline import Rebaseline
    from monitor.windows import Window

    Span = tuple[datetime | None, datetime | None]
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
    """Judge history as if recwatch had been there: each window with what was known when it was due.

    A detector that fails, hangs or takes too much memory is named and left out, as in the daemon; exit code 0.
    """
    first = WorkerProcess(HISTORY)  # imports what is slow while this process does its own imports
    try:
        _backtest(config, (begin, end), output, openmetrics, labels, storage, first)
    finally:
        first.kill()


def _backtest(
    config: Path,
    span: Span,
    output: Path | None,
    openmetrics: Path | None,
    labels: Sequence[str],
    storage: Path | None,
    first: WorkerProcess,
) -> None:
    from monitor.config.split import expand, is_split
    from monitor.daemon.history import Historian
    from monitor.daemon.once import inspected
    from monitor.exposition.backfill import Backfill, parse_labels
    from monitor.incidents.fleet import course

    now = datetime.now(UTC)
    found, workers = inspected(config, first)
    told: list[Incident] = []
    cap = found.config.daemon.series_per_recommender
    backfill = Backfill(found.catalogue, parse_labels((*TARGET, *labels)), cap, now) if openmetrics else None
    with Historian(found.config.daemon, started=workers) as historian:
        for recommender in found.config.recommenders:
            values = historian.values(recommender, span[1] or now) if is_split(recommender) else ()
            for one in expand(recommender, values) if is_split(recommender) else (recommender,):
                told += _history(historian, one, span, backfill, _meant(storage, one.name))
    fleet = list(course(told))
    if openmetrics is not None and backfill is not None:
        backfill.add_fleet(fleet)
        backfill.write(openmetrics)
    told += fleet[-1][1] if fleet else ()
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
    historian: Historian,
    recommender: RecommenderConfig,
    span: Span,
    backfill: Backfill | None,
    rebaselines: Sequence[Rebaseline],
) -> list[Incident]:
    from monitor.exposition.backfill import Told

    name, length = recommender.name, recommender.window.length
    windows = historian.windows(recommender, *span)
    if not windows:
        click.echo(f"{name}: no whole window of its log lies in that time: see --from and --to", err=True)
    found: dict[str, Incident] = {}
    counted: Counter[str] = Counter()
    failures: dict[tuple[str, str], list[Window]] = {}
    known = Told(recommender)
    with progress(name, len(windows)) as step:
        for evaluation in historian.evaluations(recommender, windows, rebaselines):
            step(f"{evaluation.window.start:%Y-%m-%d %H:%M}")
            found.update({i.id: i for i in evaluation.open_incidents})
            if backfill is not None:
                backfill.add(known.after(evaluation), evaluation.told_at, evaluation.told_at + length)
            counted["rows"] += evaluation.read.rows
            counted["evaluated"] += evaluation.status.value == "evaluated"
            for failure in evaluation.failures.items():
                failures.setdefault(failure, []).append(evaluation.window)
            if evaluation.status.value in ("failed", "refused"):
                click.echo(f"{name} {evaluation.window.start:%Y-%m-%dT%H:%MZ}: {evaluation.reason}", err=True)
    for (detector, why), where in failures.items():
        more = f" and in {len(where) - 1} more" if where[1:] else ""
        click.echo(
            f"{name} {where[0].start:%Y-%m-%dT%H:%MZ}{more}: detector {detector} failed: {why}", err=True
        )
    severities = Counter(incident.severity.value for incident in found.values())
    click.echo(
        f"{name}: {counted['evaluated']} of {len(windows)} windows evaluated, {counted['rows']:,} rows, "
        f"{_count(severities['page'], 'page')}, {_count(severities['ticket'], 'ticket')}"
    )
    return list(found.values())


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _line(incident: Incident) -> str:
    until = f"until {incident.resolved_at:%Y-%m-%d %H:%M}" if incident.resolved_at else "still open"
    return f"{incident.opened_at:%Y-%m-%d %H:%M} UTC  {incident.severity.value:6s}  {incident.summary}  ({until})"
