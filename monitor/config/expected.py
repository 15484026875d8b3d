"""Sameness that is meant, as a configuration says it: where, until when, and why."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field

from monitor.config.problems import shown
from monitor.config.strict import Strict, Text
from monitor.config.units import Day

LAST_PLACE = 1000  # of a list, that can be pinned


class Kind(StrEnum):
    """What a list is expected to depend on."""

    PERSONALISED = "personalised"  # the user
    CONTEXTUAL = "contextual"  # what is being looked at: the `context` column
    POPULAR = "popular"  # nothing: the same list for everyone is meant


def _position(value: object) -> object:
    """A bare number is a place everywhere, for good."""
    if not isinstance(value, int | str):
        return value
    if not re.fullmatch(r"[0-9]{1,9}", str(value)) or not 1 <= int(value) <= LAST_PLACE:
        raise ValueError(
            f"{shown(value)} is not a place; write a number from 1 to {LAST_PLACE}, or {{position: 3, where: ...}}"
        )
    return {"position": value}


class Expectation(Strict, ABC):
    """What every expectation has: a part of the traffic, an end, and a reason."""

    where: dict[Text, Text] = Field(
        default_factory=dict,
        description="In which part of the traffic, by value of slice columns, `{surface: home}`; everywhere otherwise.",
    )
    until: Day | None = Field(default=None, description="Last day (UTC) on which it is expected.")
    why: str = Field(default="", description="For the people who read this later.")

    @abstractmethod
    def about(self) -> str:
        """What is expected, in a word or two: two expectations of the same contradict each other."""

    def __str__(self) -> str:
        place = ", ".join(f"{column} {shown(value)}" for column, value in sorted(self.where.items()))
        return f"{self.about()} at {place}" if place else self.about()


class ExpectedPosition(Expectation):
    """A pinned or sponsored place. A bare number stands for `{position: NUMBER}`."""

    position: int = Field(ge=1, le=LAST_PLACE, description="The place, counted from 1.")

    def about(self) -> str:
        return f"position {self.position}"


class ExpectedItem(Expectation):
    """An item that is meant to be everywhere, for a while."""

    item: Text = Field(description="The item's id as text; `007` stays `007`.")

    def about(self) -> str:
        return f"item {shown(self.item)}"


class ExpectedKind(Expectation):
    """What lists depend on in a part of the traffic, where that is not what `kind` says."""

    kind: Kind = Field(description="As the recommender's own `kind`.")

    def about(self) -> str:
        return "a kind"


class ExpectedBatch(Expectation):
    """Traffic that is made in some hours of the day: outside of them its absence is expected."""

    hours: tuple[Annotated[int, Field(ge=0, le=23)], ...] = Field(
        min_length=1, description="Hours of the day (UTC) in which it is made, 0 to 23."
    )

    def about(self) -> str:
        return "a batch"


class ExpectedSameness(Strict):
    """Sameness that is meant: left out of the judgement, while everything beside it is still watched.

    What has ended is judged like everything else; `recwatch check` says so.
    """

    positions: tuple[Annotated[ExpectedPosition, BeforeValidator(_position)], ...] = Field(
        default=(), description="Pinned or sponsored places, counted from 1."
    )
    items: tuple[ExpectedItem, ...] = Field(default=(), description="Items that are meant to be everywhere.")
    kinds: tuple[ExpectedKind, ...] = Field(
        default=(), description="Parts of the traffic whose lists depend on something else than `kind` says."
    )
    batches: tuple[ExpectedBatch, ...] = Field(
        default=(), description="Traffic that is made in some hours of the day only."
    )
