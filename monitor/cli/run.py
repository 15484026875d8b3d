"""`recwatch run CONFIG`: the daemon."""

from __future__ import annotations

from pathlib import Path

import click

from monitor.daemon.process import WorkerProcess
from monitor.daemon.wake import Signals


@click.command(short_help="Watch recommenders: the daemon.")
@click.argument("config", type=click.Path(path_type=Path))
@click.option(
    "--web.listen-address",
    "listen_address",
    default="127.0.0.1:10147",
    show_default=True,
    metavar="HOST:PORT",
    help="Where the page and the metrics are served.",
)
@click.option(
    "--web.external-url",
    "external_url",
    default="",
    metavar="URL",
    help="Under which people reach the page, behind a proxy for instance; its path is the prefix of all links.",
)
@click.option(
    "--web.config.file",
    "web_config",
    type=click.Path(path_type=Path),
    default=None,
    help="TLS and basic authentication, in the format of Prometheus's exporters.",
)
@click.option(
    "--storage.path",
    "storage",
    type=click.Path(path_type=Path),
    default=Path("recwatch-state"),
    show_default=True,
    help="Folder of what is remembered.",
)
@click.option(
    "--log.level",
    "level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="Least important messages that are logged.",
)
@click.option(
    "--log.format",
    "form",
    type=click.Choice(["logfmt", "json"]),
    default="logfmt",
    show_default=True,
    help="How messages are written to stderr.",
)
def run(
    config: Path,
    listen_address: str,
    external_url: str,
    web_config: Path | None,
    storage: Path,
    level: str,
    form: str,
) -> None:
    """Watch the recommenders of CONFIG until SIGTERM or SIGINT; SIGHUP reads CONFIG again.

    Exit codes: 0 after a signal, 1 for a crash or a state that cannot be used, 2 for a wrong command line or
    configuration.
    """
    signals = Signals()
    signals.install()
    first = WorkerProcess()  # imports what is slow while this process does its own imports
    try:
        from monitor.daemon.daemon import Options, run_daemon
        from monitor.logging_setup import setup

        counts = setup("json" if form == "json" else "logfmt", level)
        options = Options(config, storage, listen_address, external_url, web_config)
        run_daemon(options, signals, counts.by_level, lambda line: click.echo(line), started=[first])
    finally:
        first.kill()
