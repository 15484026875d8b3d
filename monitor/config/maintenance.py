"""Maintenance: a stretch of time in which trouble is expected, and nobody told."""

from __future__ import annotations

from datetime import datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from pydantic import Field, create_model

from monitor.config.strict import Strict, Text
from monitor.config.units import Moment


class _Stretch(Strict):
    @property
    def pattern(self) -> str:
        """Whose it is."""
        return str(self.__dict__["recommenders"])

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """From when until when, half-open."""
        return self.__dict__["from"], self.__dict__["until"]

    def covers(self, name: str, start: datetime, end: datetime) -> bool:
        """Whether any part of [start, end), or the moment `start`, of a recommender falls into it."""
        begin, until = self.bounds
        return self.names(name) and start < until and (begin < end or begin <= start)

    def names(self, name: str) -> bool:
        """Whether a recommender is among those concerned; one that `split_by` made goes by its parent's name, too."""
        parents = [name[:at] for at, letter in enumerate(name) if letter == "/"]
        return any(fnmatchcase(one, self.pattern) for one in (name, *parents))


# `from` is a word of Python's own: no class can have a field of this name written into it.
_FIELDS: dict[str, Any] = {
    "from": (Moment, Field(description="Its beginning, `2026-03-14T05:00Z`; UTC unless it says otherwise.")),
    "until": (Moment, Field(description="Its end.")),
    "recommenders": (
        Text,
        Field(default="*", description="Whose: a name, or a pattern with `*`, `?`, `[abc]`."),
    ),
    "why": (str, Field(default="", description="For the people who read this later.")),
}
if TYPE_CHECKING:

    class Maintenance(_Stretch):
        """As it is made below."""
else:
    Maintenance = create_model("Maintenance", __base__=_Stretch, __module__=__name__, **_FIELDS)
    Maintenance.__doc__ = (
        "A stretch of time in which trouble is expected: windows that touch it are evaluated and exported, nobody is "
        "told of what is found in them, and they are left out of history."
    )
