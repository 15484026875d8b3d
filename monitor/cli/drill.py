"""`recwatch drill --kind same_item`: prove at noon that somebody would be paged at night."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from monitor.cli.reading import STORAGE

KINDS = ("same_item", "same_list")
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(hours=1)


class Duration(click.ParamType["timedelta"]):
    """How long a drill goes on."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> timedelta:
        from monitor.config.units import format_duration, parse_duration

        try:
            duration = value if isinstance(value, timedelta) else parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, context)
        if not SHORTEST <= duration <= LONGEST:
            span = f"{format_duration(SHORTEST)} to {format_duration(LONGEST)}"
            self.fail(f"{format_duration(duration)}: a drill goes on for {span}", param, context)
        return duration


@click.command(short_help="Prove that somebody would be paged: break a copy of the last window.")
@click.option("--kind", type=click.Choice(KINDS), required=True, help="What to break.")
@click.option("--recommender", default=None, help="Which one, where several are watched.")
@click.option("--slice", "slice_", default=None, metavar="COLUMN=VALUE", help="Break only this part.")
@click.option(
    "--for",
    "duration",
    type=Duration(),
    default="15m",
    show_default=True,
    help="How long the incident stays open.",
)
@STORAGE
def drill(kind: str, recommender: str | None, slice_: str | None, duration: timedelta, storage: Path) -> None:
    """Break a copy of the last window in memory, and send the incident through the whole chain: metrics, rules,
    Alertmanager, whoever is on call. It is marked drill="true", ends by itself and leaves history as it is.

    It goes through the daemon that runs on --storage.path. Exit codes: 0, also when nobody would be told, which is said
    with the reason; 1 when the daemon does not answer or the window cannot be read; 2 when there is no such slice or
    recommender, or no daemon.
    """
    from monitor.control.client import say
    from monitor.control.commands import Drill

    for line in say(storage, Drill(recommender, kind, slice_, duration.total_seconds())):
        click.echo(line)
