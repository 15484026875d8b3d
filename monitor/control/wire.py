"""How a command and its answer go through the socket: one line of JSON each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitor.control.commands import Ack, Command, Drill, Rate, Rebase

LONGEST = 64 * 1024  # bytes of a line


@dataclass(frozen=True)
class Answer:
    """What a command did, as lines; or why it did nothing.

    Parameters
    ----------
    mistake : bool
        With an error: whether whoever typed it has to do something else.
    """

    lines: tuple[str, ...] = ()
    error: str = ""
    mistake: bool = False


def pack_command(command: Command, who: str) -> bytes:
    """A line.

    >>> unpack_command(pack_command(Ack("a1", "on it"), "ann@ops"))
    (Ack(incident='a1', why='on it'), 'ann@ops')
    """
    fields: dict[str, Any] = {
        key: value.isoformat() if isinstance(value, datetime) else value
        for key, value in vars(command).items()
    }
    return _line({"command": type(command).__name__.lower(), "who": who, **fields})


def unpack_command(line: bytes) -> tuple[Command, str]:
    """The command, and who gave it.

    Raises
    ------
    ValueError
        When it is none.
    """
    try:
        fields = json.loads(line)
        kind, who = fields.pop("command"), str(fields.pop("who"))
        if kind == "ack":
            return Ack(**fields), who
        if kind == "rate":
            return Rate(**fields), who
        if kind == "drill":
            return Drill(**fields), who
        if kind == "rebase":
            for name in ("start", "end"):
                fields[name] = datetime.fromisoformat(fields[name]) if fields[name] else None
            return Rebase(**fields), who
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"not a command: {error}") from error
    raise ValueError(f"{kind!r} is no command that this recwatch knows")


def pack_answer(answer: Answer) -> bytes:
    return _line({"lines": list(answer.lines), "error": answer.error, "mistake": answer.mistake})


def unpack_answer(line: bytes) -> Answer:
    """Raises ValueError when it is none."""
    fields = json.loads(line)
    return Answer(tuple(fields["lines"]), fields["error"], fields["mistake"])


def _line(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields).encode() + b"\n"
