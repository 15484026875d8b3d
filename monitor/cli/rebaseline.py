"""`recwatch rebaseline RECOMMENDER`: a change is meant."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from monitor.cli.times import MOMENT


@click.command(short_help="Say that a change is meant: what is usual is learned anew.")
@click.argument("recommender")
@click.option("--from", "start", type=MOMENT, required=True, help="When the change came, or will come.")
@click.option("--until", "end", type=MOMENT, default=None, help="When it ends, if it is not for good.")
@click.option(
    "--slice",
    "slice_",
    default=None,
    metavar="COLUMN=VALUE",
    help="Only this part, and what shares traffic with it.",
)
@click.option("--detector", default=None, help="Only what this detector measures.")
@click.option("--why", required=True, help="What changed; kept with your name.")
@click.option(
    "--storage.path",
    "storage",
    type=click.Path(path_type=Path),
    default=Path("recwatch-state"),
    show_default=True,
    help="Folder of what is remembered.",
)
def rebaseline(
    recommender: str,
    start: datetime,
    end: datetime | None,
    slice_: str | None,
    detector: str | None,
    why: str,
    storage: Path,
) -> None:
    """History of RECOMMENDER before --from no longer counts, and open incidents of what is meant are over.

    Absolute limits stay. With --until, what was before --from counts again afterwards, and what was in between does
    not. Works while the daemon runs, and without one.
    """
    from monitor.control.client import say
    from monitor.control.commands import Rebase

    for line in say(storage, Rebase(recommender, slice_, detector, start, end, why)):
        click.echo(line)
