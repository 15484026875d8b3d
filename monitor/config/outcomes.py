"""Where what people do with their lists has a log of its own, and how long it is waited for."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field

from monitor.config.paths import LocalPath
from monitor.config.strict import Strict, Text
from monitor.config.units import Duration


class OutcomeColumns(Strict):
    """Which column of the outcomes' log plays which part. Nested fields by dotted path."""

    timestamp: Text = Field(description="When it happened.")
    request: Text = Field(description="The request in whose list it happened: `log.columns.request` there.")
    item: Text = Field(description="The item with which it happened.")
    kind: Text | None = Field(
        default=None,
        description="What happened: see `clicks` and `conversions`. Without it, every row is a click.",
    )
    value: Text | None = Field(
        default=None,
        description="What it was worth, in money: of conversions where there are any, else of clicks.",
    )


class OutcomesConfig(Strict):
    """Clicks and purchases in a log of their own, joined with the prediction log by request and item.

    They come late. So what is made of them is of requests that are at least `delay` old when a window is evaluated: of
    a time as long as the window, that much earlier. An outcome counts when it happened within `delay` of its request,
    and once for each request and item, however often it is logged.
    """

    path: LocalPath = Field(
        description="A folder, a file, or `s3://bucket/prefix`; relative as `log.path` is."
    )
    format: Literal["parquet", "jsonl", "csv"] = Field(
        default="parquet", description="What the files are; `jsonl` also reads .gz and .zst."
    )
    partitions: str = Field(
        default="", description="Folders under `path`, as `log.partitions`; empty for none."
    )
    partitioned_by: Literal["event_time", "arrival"] = Field(
        default="event_time",
        description="What the time in a partition's name says: when it happened, or arrived.",
    )
    timestamp_unit: Literal["auto", "s", "ms", "us", "ns"] = Field(
        default="auto", description="Unit of a timestamp that is a number, as `log.timestamp_unit`."
    )
    columns: OutcomeColumns = Field(description="Which column plays which part.")
    clicks: tuple[Text, ...] = Field(
        default=("click",), description="Values of `kind` that are a click; empty for none."
    )
    conversions: tuple[Text, ...] = Field(
        default=(), description="Values of `kind` that are what is hoped for: a purchase, a sign-up."
    )
    delay: Duration = Field(
        default=timedelta(hours=1), description="How long after a request its outcomes are waited for."
    )
    settle: Duration = Field(
        default=timedelta(minutes=10), description="How long after an outcome its row may still arrive."
    )

    @property
    def kinds(self) -> tuple[str, ...]:
        """What it tells of, in the words of `Measure.needs`."""
        told = {"click": self.clicks, "conversion": self.conversions, "value": self.columns.value}
        return tuple(kind for kind, there in told.items() if there)
