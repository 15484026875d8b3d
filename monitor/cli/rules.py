"""`recwatch rules`: the alert rules for Prometheus."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.alerts.rules import Rendering


@click.command(short_help="Write the alert rules for Prometheus.")
@click.option(
    "--selector",
    default='job="recwatch"',
    show_default=True,
    metavar="MATCHERS",
    help="Label matchers of the series of recwatch.",
)
@click.option(
    "--map",
    "pairs",
    multiple=True,
    metavar="SEVERITY=VALUE",
    help="What the label `severity` says instead of page, ticket or none; ALERT=VALUE for one alert. "
    "May be repeated.",
)
@click.option(
    "--external-url",
    default="http://127.0.0.1:10147",
    show_default=True,
    metavar="BASE",
    help="Where people reach the daemon's page, as for `recwatch run --web.external-url`: links in alerts lead there.",
)
@click.option(
    "--runbook-url",
    default="",
    metavar="BASE",
    help="Where the runbooks are, when not on the daemon's page: BASE/same_item, BASE/alerts#recwatchdown.",
)
@click.option(
    "--dashboard-url",
    default="",
    metavar="BASE",
    help="Where people reach Grafana: alerts on a recommender or the daemon lead to its dashboard, those on incidents "
    "to the page as before.",
)
@click.option(
    "--process-label",
    "process_labels",
    multiple=True,
    metavar="LABEL",
    help="A label of your Prometheus that is another one after recwatch was restarted elsewhere, as `instance` and "
    "`pod` are: it is left out of alerts. May be repeated.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE",
    help="Write to FILE instead of the terminal.",
)
def rules(
    selector: str,
    pairs: tuple[str, ...],
    external_url: str,
    runbook_url: str,
    dashboard_url: str,
    process_labels: tuple[str, ...],
    output: Path | None,
) -> None:
    """Write the alert rules for Prometheus: open incidents, what is not being watched, and the daemon itself.

    grafana/alerts/recwatch.rules.yaml is what this writes without options.
    """
    from monitor.alerts.rules import Rendering
    from monitor.errors import UserError

    rendering = Rendering(selector, _mapping(pairs), external_url, runbook_url, dashboard_url, process_labels)
    text = rendering.file(shlex.join(["recwatch", "rules", *_arguments(rendering)]))
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"--output {output}: {error.strerror}") from error


def _mapping(pairs: tuple[str, ...]) -> dict[str, str]:
    from monitor.errors import UserError

    mapping = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not value:
            raise UserError(f"--map {pair}: write SEVERITY=VALUE, such as page=critical")
        mapping[key] = value
    return mapping


def _arguments(rendering: Rendering) -> Iterator[str]:
    """The options that make this rendering."""
    from monitor.alerts.rules import Rendering

    default = Rendering()
    if rendering.selector != default.selector:
        yield f"--selector={rendering.selector}"
    yield from (f"--map={key}={value}" for key, value in rendering.severities.items())
    if rendering.external_url != default.external_url:
        yield f"--external-url={rendering.external_url}"
    if rendering.runbook_url:
        yield f"--runbook-url={rendering.runbook_url}"
    if rendering.dashboard_url:
        yield f"--dashboard-url={rendering.dashboard_url}"
    yield from (f"--process-label={label}" for label in rendering.process_labels)
