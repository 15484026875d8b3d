"""`recwatch init`: looks at a log and writes the configuration that watches it."""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from monitor.cli.progress import progress
from monitor.errors import LogError, UserError
from monitor.inspect import Inspection, configuration, inspect_log, report
from monitor.inspect.mapping import ROLES, parse_given
from monitor.inspect.writer import parsed
from monitor.windows import Window

OLD = timedelta(days=2)  # a log that ended before is history


@click.command(short_help="Look at a log and write a configuration for it.")
@click.argument("log")
@click.option("--catalog", metavar="FILE", help="The items that may be shown: Parquet, CSV or JSON lines.")
@click.option(
    "--outcomes",
    metavar="PATH",
    help="A log of its own of clicks and purchases: a folder, file or s3://bucket/prefix.",
)
@click.option(
    "-o",
    "--output",
    "config",
    required=True,
    metavar="CONFIG",
    type=click.Path(path_type=Path),
    help="File to write.",
)
@click.option("--name", help="The recommender's name; taken from the log's path otherwise.")
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="ROLE=COLUMN",
    help=f"Which column plays a part ({', '.join(ROLES)}), where it cannot be found; ROLE= for none. May be repeated.",
)
@click.option("--endpoint", metavar="URL", help="S3 endpoint other than Amazon's.")
@click.option("--region", help="S3 region.")
@click.option("--force", is_flag=True, help="Replace CONFIG when it is there already.")
def init(
    log: str,
    catalog: str | None,
    outcomes: str | None,
    config: Path,
    name: str | None,
    columns: tuple[str, ...],
    endpoint: str | None,
    region: str | None,
    force: bool,
) -> None:
    """Look at LOG, a folder, file or s3://bucket/prefix of a prediction log, and write CONFIG, which works unedited.

    Says what it found, what cannot be measured and why, what it
    needs leave to read, and how soon trouble would be told.
    """
    if config.exists() and not force:
        raise UserError(
            f"{config}: is there already; say --force to replace it, or name another file with -o"
        )
    given = parse_given(columns)
    try:
        found = _inspected(log, catalog, outcomes, given, endpoint, region)
    except LogError as error:
        raise UserError(str(error)) from error  # LOG is a mistake on the command line here
    text = configuration(found, name)
    recommender = parsed(text)
    _write(config, text)
    for line in report(found, recommender):
        click.echo(line)
    click.echo(f"\nWrote {config}. Next: recwatch check {config} --plan")
    if datetime.now(UTC) - found.last > OLD:
        window = Window.containing(found.last, recommender.window.length)
        moment = (window.end + recommender.window.settle).strftime("%Y-%m-%dT%H:%M:%SZ")
        click.echo(
            f"The log ends in the past, so say which time it is: recwatch once {config} --now {moment}"
        )


def _inspected(
    log: str,
    catalog: str | None,
    outcomes: str | None,
    given: dict[str, str],
    endpoint: str | None,
    region: str | None,
) -> Inspection:
    with progress("files") as step:
        return inspect_log(
            log, catalog, given, endpoint, region, lambda done, total: step(f"{done} of {total}"), outcomes
        )


def _write(path: Path, text: str) -> None:
    """All of it or nothing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            file.write(text)
        os.chmod(file.name, 0o644)
        os.replace(file.name, path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); name another file with -o") from error
