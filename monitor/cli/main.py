"""`recwatch`: the group of commands, and what becomes of errors."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module, metadata
from typing import Any

import click

from monitor.errors import RecwatchError, UserError

COMMANDS = {  # name -> module:function, and what the list of commands says
    "init": ("monitor.cli.init:init", "Look at a log and write a configuration for it."),
    "check": ("monitor.cli.check:check", "Validate a configuration; tell what it will cost."),
    "run": ("monitor.cli.run:run", "Watch recommenders: the daemon."),
    "once": ("monitor.cli.once:once", "Evaluate what is due, and end."),
    "backtest": ("monitor.cli.backtest:backtest", "What would have been told over history, and when."),
    "status": ("monitor.cli.status:status", "How every recommender stands."),
    "incidents": ("monitor.cli.incidents:incidents", "List incidents."),
    "show": ("monitor.cli.incidents:show", "Show an incident with its evidence."),
    "explain": (
        "monitor.cli.explain:explain",
        "Why this page, or why no page: all that was judged at a time.",
    ),
    "detectors": ("monitor.cli.detectors:detectors", "List, write, try and test detectors."),
    "rules": ("monitor.cli.rules:rules", "Write the alert rules for Prometheus."),
    "ack": ("monitor.cli.ack:ack", "Say that somebody takes care of an incident."),
    "rebaseline": (
        "monitor.cli.rebaseline:rebaseline",
        "Say that a change is meant: what is usual is learned anew.",
    ),
    "drill": (
        "monitor.cli.drill:drill",
        "Prove that somebody would be paged: break a copy of the last window.",
    ),
    "demo": ("monitor.cli.demo:demo", "Watch a recommender get stuck, on embedded data."),
}


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # no more can be written there


class ReaderGone(Exception):
    """Whoever read our output went away, as `| head` does; of a BrokenPipeError click itself makes exit code 1."""


@contextmanager
def readers_may_go() -> Iterator[None]:
    """Everything that is written is out at the end of the block, or whoever read it has gone."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise ReaderGone from None


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is called."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, _, function = COMMANDS[name][0].partition(":")
        command: click.Command = getattr(import_module(module), function)
        return command

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        with readers_may_go():  # help is written here
            return super().make_context(*arguments, **more)

    def invoke(self, context: click.Context) -> object:
        with readers_may_go():
            return super().invoke(context)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, says) for name, (_, says) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(metadata.version("recwatch"), "-V", "--version", prog_name="recwatch")
def cli() -> None:
    """Watches what a recommender recommends, and tells Prometheus.

    Exit codes: 0 when all went well, 1 for a crash or a state that cannot be used, 2 for a wrong command line or
    configuration; commands name others of their own.
    """


def main() -> None:
    """Run the command line; a mistake of the user's is a sentence, never a traceback."""
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except UserError as error:
        click.echo(f"recwatch: {error}", err=True)
        sys.exit(2)
    except RecwatchError as error:
        click.echo(f"recwatch: {error}", err=True)
        sys.exit(1)
    except ReaderGone:
        _drop_the_rest()
        sys.exit(0)
    except OSError as error:
        if error.errno not in FULL:
            raise
        where = f" {error.filename}" if error.filename else ""
        click.echo(
            f"recwatch: cannot write{where}: {error.strerror}: make room there, and try again", err=True
        )
        _drop_the_rest()
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _drop_the_rest() -> None:
    """What is left to be flushed at the end has nowhere to go."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
