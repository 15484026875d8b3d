"""`recwatch status`: how every recommender stands."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from monitor.cli.reading import AS_JSON, CONFIG, STORAGE
from monitor.cli.times import MOMENT

NOT_KNOWN = 3
PAGE_OPEN = 10


@click.command(short_help="How every recommender stands.")
@CONFIG
@click.option("--now", type=MOMENT, default=None, help="As of this time, instead of the clock's.")
@click.option(
    "--fail-on",
    type=click.Choice(["page"]),
    default=None,
    help=f"Exit with {PAGE_OPEN} when an incident of that severity is open.",
)
@STORAGE
@AS_JSON
def status(
    config: Path | None, now: datetime | None, fail_on: str | None, storage: Path, as_json: bool
) -> int:
    """How every recommender stands, as the store has it, and whether a daemon runs.

    With --config those that were never evaluated are listed too, and modes and cadences count. Exit codes: 0, also
    when trouble was found; 3 when of a recommender nothing new is known (not evaluated, behind, failed, no data); 10
    only with --fail-on.
    """
    from monitor.cli.reading import echo_json, table
    from monitor.config.loader import load
    from monitor.config.split import is_split
    from monitor.control.client import is_listening
    from monitor.daemon.splits import Splits
    from monitor.exposition.state import fleet_incidents
    from monitor.incidents.fleet import FLEET
    from monitor.reading.standing import SCHEMA_VERSION, standings
    from monitor.store.store import Store
    from monitor.web.wording import moment

    now = now or datetime.now(UTC)
    loaded = load(config) if config is not None else None
    with Store.open(storage, read_only=True) as store:
        configured = None
        if loaded is not None:
            parts = Splits(storage).expanded(loaded)
            unseen = [
                r
                for r in loaded.recommenders
                if is_split(r) and not any(p.name.startswith(f"{r.name}/") for p in parts)
            ]
            configured = [*parts, *unseen]
        found = standings(store, now, configured)
        of_fleet = store.incidents(FLEET, open_only=True)
        if configured is not None:
            of_fleet = [i for i in fleet_incidents(store, configured, now) if i.open]
        taken_care_of = {a.incident_id for a in store.acknowledgements([i.id for i in of_fleet])}
    running = is_listening(storage)
    if as_json:
        echo_json(
            {
                "schema_version": SCHEMA_VERSION,
                "now": now.isoformat(),
                "daemon": {"running": running},
                "fleet": {
                    "open_incidents": [i.id for i in of_fleet],
                    "acknowledged": sorted(taken_care_of),
                },
                "recommenders": [s.to_json() for s in found],
            }
        )
    else:
        click.echo(f"Daemon: {'runs' if running else 'none runs on this folder'}")
        if not found:
            click.echo("Nothing was evaluated yet.")
        rows = [
            (s.name, s.state.word, moment(s.latest.window.end) if s.latest else "never", s.state.why)
            for s in found
        ]
        for line in table([("recommender", "state", "known until", "why"), *rows]) if rows else ():
            click.echo(line)
        for incident in of_fleet:
            taken = ", acknowledged" if incident.id in taken_care_of else ""
            click.echo(f"{FLEET}: open: {incident.severity.value} {incident.id}{taken}: {incident.summary}")
        for s in found:
            for incident in s.open:
                taken = ", acknowledged" if incident.id in s.acknowledged else ""
                click.echo(f"{s.name}: open: {incident.severity.value} {incident.id}{taken}")
            for note in s.notes:
                click.echo(f"{s.name}: {note}")
    if not found or not all(s.known for s in found):
        return NOT_KNOWN
    pages = any(i.severity.value == "page" for s in found for i in s.open)
    return PAGE_OPEN if fail_on and pages else 0
