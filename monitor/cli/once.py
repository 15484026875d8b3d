"""`recwatch once CONFIG`: evaluate what is due, and end."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.progress import progress
from monitor.cli.times import MOMENT
from monitor.daemon.process import WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitor.config.models import RecommenderConfig
    from monitor.daemon.messages import Inspection
    from monitor.daemon.once import Outcome
    from monitor.evaluation import Evaluation
    from monitor.store.store import Store

NOT_EVALUATED = 3
PAGE_OPEN = 10


@click.command(short_help="Evaluate what is due, and end.")
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--now", type=MOMENT, default=None, help="As of this time, instead of the clock's.")
@click.option(
    "--storage.path",
    "storage",
    type=click.Path(path_type=Path),
    default=Path("recwatch-state"),
    show_default=True,
    help="Folder of what is remembered.",
)
@click.option(
    "--textfile",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE",
    help="Write the metrics for node_exporter's textfile collector.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["page"]),
    default=None,
    help=f"Exit with {PAGE_OPEN} when an incident of that severity is open.",
)
def once(
    config: Path, now: datetime | None, storage: Path, textfile: Path | None, fail_on: str | None
) -> int:
    """Evaluate every window of CONFIG that is due, and end.

    Exit codes: 0, also when trouble was found; 3 if something could not be evaluated; 10 only with --fail-on.
    """
    first = WorkerProcess()  # imports what is slow while this process does its own imports
    try:
        outcome, pages = _evaluate(config, now or datetime.now(UTC), storage, textfile, first)
    finally:
        first.kill()
    for fault in outcome.faults:
        click.echo(f"{fault.recommender}: {fault.reason}", err=True)
    failed = [e for e in outcome.evaluations if e.status.value in ("failed", "refused") or e.failures]
    if failed or outcome.faults:
        return NOT_EVALUATED
    return PAGE_OPEN if fail_on and pages else 0


def _evaluate(
    path: Path, now: datetime, storage: Path, textfile: Path | None, first: WorkerProcess
) -> tuple[Outcome, int]:
    from monitor.config.loader import load
    from monitor.config.split import is_split
    from monitor.daemon.once import inspected, run_once
    from monitor.daemon.pool import Limits
    from monitor.daemon.splits import Splits
    from monitor.store.lock import StateLock
    from monitor.store.store import Store

    load(path)  # the quick half of the checks, before anything is touched
    with StateLock(storage), Store.open(storage) as store:
        inspection, workers = inspected(path, first)
        splits = Splits(storage)

        def expand(values: Mapping[str, Sequence[str]]) -> Sequence[RecommenderConfig]:
            for recommender in inspection.config.recommenders:
                if recommender.name in values:
                    splits.learn(recommender, values[recommender.name], now)
            return splits.expanded(inspection.config)

        split = any(is_split(r) for r in inspection.config.recommenders)
        config = inspection.config
        at_once = config.daemon.workers if split else len(config.recommenders)
        with progress("windows") as step:
            outcome = run_once(
                config.recommenders,
                store,
                now,
                limits=Limits.of(config.daemon, at_once),
                expand=expand if split else None,
                on_evaluation=lambda e: step(f"{e.recommender} {e.window.start:%Y-%m-%d %H:%M}"),
                started=workers,
            )
        for evaluation in outcome.evaluations:
            _say(evaluation)
        for incident in store.incidents(open_only=True):
            click.echo(f"open: {incident.severity.value}: {incident.summary}")
        if textfile is not None:
            _write_metrics(textfile, store, inspection, splits.expanded(inspection.config), now)
        pages = sum(i.severity.value == "page" for i in store.incidents(open_only=True))
        return outcome, pages


def _say(evaluation: Evaluation) -> None:
    """One line for a window that was not simply evaluated; nothing for the others."""
    where = f"{evaluation.recommender} {evaluation.window.start:%Y-%m-%dT%H:%MZ}"
    if evaluation.reason:
        click.echo(f"{where}: {evaluation.status.value}: {evaluation.reason}", err=True)
    for detector, why in evaluation.failures.items():
        click.echo(f"{where}: detector {detector} failed: {why}", err=True)


def _write_metrics(
    path: Path, store: Store, inspection: Inspection, recommenders: Sequence[RecommenderConfig], now: datetime
) -> None:
    """Everything but the daemon's own health; the file appears complete."""
    from importlib import metadata

    from monitor.errors import UserError
    from monitor.exposition.exporter import Exporter
    from monitor.exposition.health import Health
    from monitor.exposition.state import read_fleet, read_state

    cap = inspection.config.daemon.series_per_recommender
    exporter = Exporter(Health(metadata.version("recwatch")), inspection.catalogue, cap)
    exporter.update_fleet(read_fleet(store, recommenders, now))
    for recommender in recommenders:
        exporter.update(read_state(store, recommender, now))
    half_written = path.with_name(f".{path.name}.tmp")
    try:
        half_written.write_bytes(exporter.textfile())
        half_written.replace(path)
    except OSError as error:
        raise UserError(f"--textfile {path}: {error.strerror}") from error
