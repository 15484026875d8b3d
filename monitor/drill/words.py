"""What whoever asked for a drill is told."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from monitor.config.problems import shown
from monitor.errors import UserError
from monitor.incidents.incident import Incident
from monitor.reading.choice import meant


def chosen(name: str | None, watched: Collection[str]) -> str:
    """The recommender that is meant.

    Raises
    ------
    UserError
        When there is no such one, or several and none was named.

    >>> chosen(None, ["home"])
    'home'
    """
    if name is None and len(watched) == 1:
        return next(iter(watched))
    if name is None:
        raise UserError(
            f"--recommender: say which one; {meant('', watched)}" if watched else "nothing is watched"
        )
    if name not in watched:
        raise UserError(f"--recommender {shown(name)}: nobody watches it; {meant(name, watched)}")
    return name


def lines_of(incident: Incident, why_no_page: str, ends: datetime) -> list[str]:
    """What is told now, until when, and where to look for it."""
    out = [
        f"told as a {incident.severity.value} until {ends:%Y-%m-%d %H:%M:%S} UTC: {incident.id}",
        incident.summary,
    ]
    if why_no_page:
        out.append(why_no_page)
    out.append(
        'The alert has the label drill="true" and arrives after the next scrape and the next evaluation of the rules; '
        f"`recwatch ack {incident.id} --why drill` ends it sooner."
    )
    return out
