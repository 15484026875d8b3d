"""`recwatch incidents` and `recwatch show INCIDENT`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.reading import AS_JSON, CONFIG, STORAGE
from monitor.cli.times import MOMENT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitor.incidents.incident import Incident
    from monitor.store.said import Acknowledgement

MOST_TOP, MOST_SYMPTOMS = 10, 20


@click.command(short_help="List incidents.")
@click.argument("recommender", required=False)
@click.option("--open", "open_only", is_flag=True, help="Only those that are open.")
@click.option("--since", type=MOMENT, default=None, help="Without those that were over before.")
@click.option("--all", "include_silent", is_flag=True, help="Also those of replayed history, told to nobody.")
@STORAGE
@AS_JSON
def incidents(
    recommender: str | None,
    open_only: bool,
    since: datetime | None,
    include_silent: bool,
    storage: Path,
    as_json: bool,
) -> None:
    """Incidents of RECOMMENDER, or of all, the newest first.

    The same trouble in three or more recommenders is one more incident, of the fleet: its RECOMMENDER is "(fleet)".
    With --json an array of incidents as `backtest -o` writes them.
    """
    from monitor.cli.reading import echo_json, table
    from monitor.exposition.labels import printable
    from monitor.incidents.fleet import FLEET, by_part
    from monitor.reading.choice import chosen_recommender
    from monitor.store.store import Store

    with Store.open(storage, read_only=True) as store:
        if recommender is not None:
            chosen_recommender(recommender, [*store.recommenders(), FLEET])
        found = store.incidents(recommender, open_only=open_only, since=since, include_silent=include_silent)
        taken = {a.incident_id for a in store.acknowledgements([i.id for i in found])}
        parts = by_part(store.incidents(FLEET, open_only=True))
    if as_json:
        echo_json([i.to_json() for i in found])
        return
    if not found:
        click.echo("No incident." if include_silent else "No incident that anybody was told of.")
        return
    rows = [
        (i.id, i.severity.value, _state(i, i.id in taken, i.id in parts), printable(i.summary, 200))
        for i in found
    ]
    for line in table([("incident", "severity", "state", "what"), *rows]):
        click.echo(line)


@click.command(short_help="Show an incident with its evidence.")
@click.argument("incident")
@CONFIG
@STORAGE
@AS_JSON
def show(incident: str, config: Path | None, storage: Path, as_json: bool) -> None:
    """An INCIDENT, by its id: what is wrong, since when, where, who is affected, before and after, symptoms.

    And what it has cost so far in clicks, within an interval of 95 %, or why nobody can say. With --json the incident
    as `backtest -o` writes it, with `cost`, `acknowledgements`, and `part_of`: the incident of the fleet that it is a
    part of.
    """
    from monitor.cli.reading import echo_json, read_config, settings_of
    from monitor.config.problems import shown
    from monitor.errors import UserError
    from monitor.incidents.fleet import FLEET, by_part
    from monitor.reading.choice import meant
    from monitor.reading.cost import cost_of
    from monitor.store.store import Store

    with Store.open(storage, read_only=True) as store:
        found = store.incident(incident)
        if found is None:
            ids = [i.id for i in store.incidents(include_silent=True)]
            near = meant(incident, ids) if ids else "there is none at all"
            raise UserError(f"there is no incident {shown(incident)}; {near}")
        said, cost = store.acknowledgements([found.id]), cost_of(store, found)
        whole = by_part(store.incidents(FLEET)).get(found.id)
        parts = [part for p in found.parts if (part := store.incident(p.incident))]
    if as_json:
        acknowledged = [{**vars(a), "at": a.at.isoformat()} for a in said]
        more = {"cost": cost.to_json(), "part_of": whole.id if whole else None}
        echo_json({**found.to_json(), **more, "acknowledgements": acknowledged})
        return
    of = parts[0].recommender if parts else found.recommender
    units = settings_of(read_config(config), of).units
    for line in text(found, said, units, str(cost), whole, parts):
        click.echo(line)


def text(
    incident: Incident,
    said: Sequence[Acknowledgement],
    units: Mapping[str, str],
    cost: str,
    whole: Incident | None = None,
    parts: Sequence[Incident] = (),
) -> list[str]:
    """An incident as lines.

    Parameters
    ----------
    whole : Incident, optional
        Of the fleet, whose part it is.
    parts : sequence of Incident
        Its own.
    """
    from monitor.exposition.labels import printable
    from monitor.web.wording import moment, number, percent, place, quantity, short

    i, unit = incident, units.get(incident.measure, "")
    rows = [
        ("state", _state(i, bool(said), whole is not None and whole.open)),
        ("recommender", short(i.recommender)),
        ("part of", whole.id if whole else ""),
        ("place", "" if i.parts and not i.slice else place(i.slice)),
        ("item", short(i.culprit.get("item", ""))),
        ("since", moment(i.onset_at)),
        ("told", "to nobody: replayed history" if i.silent else moment(i.opened_at)),
        ("last seen", moment(i.last_seen_at) if i.last_seen_at else ""),
        ("over", moment(i.resolved_at) if i.resolved_at else ""),
        (
            "measure",
            f"{short(i.measure)}, judged by {'an absolute limit' if i.judged_by == 'floor' else 'what was usual'}"
            if i.measure
            else "",
        ),
        ("before", quantity(i.before.get("value"), unit)),
        ("after", quantity(i.after.get("value"), unit)),
        ("share of item", f"{percent(i.before['share'])} before, {percent(i.after['share'])} since")
        if i.before.get("share") is not None and i.after.get("share") is not None
        else ("share of item", ""),
        ("affected", ", ".join(f"{number(n)} {who}" for who, n in i.affected_in_words.items())),
        ("cost so far", cost),
        ("model version", short(i.model_version or "")),
        ("labels", ", ".join(f"{short(k)}={short(v)}" for k, v in sorted(i.labels.items()))),
        ("page", i.url),
    ]
    out = [f"{i.severity.value} {i.id}", printable(i.summary, 400), ""]
    out += [f"{name:<14} {value}" for name, value in rows if value]
    for side, top in (("before", i.before.get("top_items")), ("since", i.after.get("top_items"))):
        if top:
            items = ", ".join(f"{short(e['item'])} {percent(e['share'])}" for e in top[:MOST_TOP])
            out.append(f"{'top ' + side:<14} {items}")
    for a in said:
        out.append(f"{'acknowledged':<14} {moment(a.at)} by {short(a.who)}: {printable(a.why, 1000)}")
    if parts:
        out += ["", f"Parts ({len(parts)}):"]
        out += [
            f"  {p.id}  {_state(p, False)}, since {moment(p.onset_at)}: {printable(p.summary, 200)}"
            for p in parts
        ]
    if i.symptoms:
        out += ["", f"Symptoms ({len(i.symptoms)}):"]
        out += [f"  {printable(s.summary, 300)}" for s in i.symptoms[:MOST_SYMPTOMS]]
    why = parts[0] if parts else i
    out += ["", f"Why: recwatch explain {why.recommender} --at {why.onset_at:%Y-%m-%dT%H:%MZ}"]
    return out


def _state(incident: Incident, acknowledged: bool, part: bool = False) -> str:
    if not incident.open:
        return f"over ({incident.resolution.value if incident.resolution else 'recovered'})"
    if incident.silent:
        return "open, silent"
    return f"open{', a part' if part else ''}{', acknowledged' if acknowledged else ''}"
