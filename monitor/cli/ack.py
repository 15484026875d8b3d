"""`recwatch ack INCIDENT`: somebody takes care of it."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(short_help="Say that somebody takes care of an incident.")
@click.argument("incident")
@click.option("--why", required=True, help="What is being done; kept with your name.")
@click.option(
    "--storage.path",
    "storage",
    type=click.Path(path_type=Path),
    default=Path("recwatch-state"),
    show_default=True,
    help="Folder of what is remembered.",
)
def ack(incident: str, why: str, storage: Path) -> None:
    """Acknowledge INCIDENT, by its id: reminders end, the incident stays open until the trouble is over.

    Works while the daemon runs, and without one.
    """
    from monitor.control.client import say
    from monitor.control.commands import Ack

    for line in say(storage, Ack(incident, why)):
        click.echo(line)
