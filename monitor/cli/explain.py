"""`recwatch explain RECOMMENDER --at T`: why this page, or why no page."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.reading import AS_JSON, CONFIG, STORAGE
from monitor.cli.times import MOMENT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.reading.explanation import Explanation, Line

NOT_JUDGED = 3
MOST_LINES = 40


@click.command(short_help="Why this page, or why no page: all that was judged at a time.")
@click.argument("recommender")
@click.option("--at", type=MOMENT, required=True, help="A time in the window that is asked about.")
@click.option(
    "--slice", "slice_", default=None, metavar="COLUMN=VALUE", help="Only this part; `all` is the whole."
)
@click.option("--detector", default=None, help="Only what this detector measures.")
@CONFIG
@STORAGE
@AS_JSON
def explain(
    recommender: str,
    at: datetime,
    slice_: str | None,
    detector: str | None,
    config: Path | None,
    storage: Path,
    as_json: bool,
) -> int:
    """Everything that was judged of RECOMMENDER in the window of --at, and why somebody was told, or nobody.

    Of each measurement: value, what was usual, its band, the nearest limit, how far inside that the value was
    (negative: beyond it), and the state. Absolute limits are those of --config, or else the defaults.

    Exit codes: 0; 3 when nothing was judged then.
    """
    from monitor.cli.reading import echo_json, read_config, settings_of
    from monitor.reading.choice import chosen_recommender
    from monitor.reading.explanation import explain as explained
    from monitor.store.store import Store

    with Store.open(storage, read_only=True) as store:
        chosen_recommender(recommender, store.recommenders())
        settings = settings_of(read_config(config), recommender)
        found = explained(store, recommender, at, slice=slice_, detector=detector, settings=settings)
    if as_json:
        echo_json(found.to_json())
    else:
        for line in text(found, settings.units):
            click.echo(line)
    return 0 if found.judged else NOT_JUDGED


def text(found: Explanation, units: Mapping[str, str]) -> list[str]:
    """An explanation as lines."""
    from monitor.cli.reading import table
    from monitor.exposition.labels import printable
    from monitor.web.wording import moment, period

    e = found.evaluation
    if e is None:
        return [f"{found.recommender} at {moment(found.at)}: not evaluated", *found.answer]
    out = [
        f"{found.recommender}, window {period(e.window.start, e.window.end)}: {e.status.value}, attempt {e.attempt}"
        f" at {moment(e.evaluated_at)}",
        *(printable(sentence, 1000) for sentence in found.answer),
        *(f"Meant: {printable(str(meant), 1000)}" for meant in found.rebaselines),
    ]
    shown = found.lines[:MOST_LINES]
    unknown = {m.partition(".")[0] for line in shown if (m := line.finding.measure) not in units}
    if unknown:
        out.append(
            f"Absolute limits of {', '.join(sorted(unknown))} are not known here: add --config CONFIG."
        )
    if shown:
        head = ("state", "slice", "measure", "value", "usual", "band", "limit", "margin", "n")
        out += ["", *table([head, *(_row(line, units.get(line.finding.measure, "")) for line in shown)])]
    if more := len(found.lines) - len(shown):
        out.append(
            f"... and {more:,} more: narrow it down with --slice or --detector, or take all with --json"
        )
    return out


def _row(line: Line, unit: str) -> tuple[str, ...]:
    from monitor.web.states import VERDICTS
    from monitor.web.wording import UNKNOWN, band, number, quantity, short

    f = line.finding
    limit = UNKNOWN if line.limit is None else quantity(line.limit, unit)
    if line.limit_of == "floor":
        limit += " (absolute)"
    margin = (
        UNKNOWN
        if line.margin is None
        else f"{'-' if line.margin < 0 else '+'}{quantity(abs(line.margin), unit)}"
    )
    return (
        VERDICTS[f.verdict].word,
        short(f.slice),
        short(f.measure),
        quantity(f.value, unit),
        quantity(f.expected, unit),
        band(f.low, f.high, unit),
        limit,
        margin,
        number(f.n) if f.n > 0 else UNKNOWN,
    )
