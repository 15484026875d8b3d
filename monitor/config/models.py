"""The configuration as strict models: an unknown key is an error, and every default is written here only.

The descriptions are what `docs/configuration.md` shows.
"""

from __future__ import annotations

import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from monitor.config.expected import ExpectedSameness, Kind
from monitor.config.maintenance import Maintenance
from monitor.config.outcomes import OutcomesConfig
from monitor.config.paths import LocalPath
from monitor.config.problems import shown
from monitor.config.strict import Strict, Text
from monitor.config.units import Bytes, Duration
from monitor.windows import Window


def _name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9_.:/@ -]{0,98}[A-Za-z0-9_.:/@-])?", value):
        raise ValueError(
            f"{shown(value)} is not a name; write 1 to 100 letters, digits, spaces or _ . : / @ -, "
            "a letter or digit first, no space last"
        )
    return value


def _label(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,99}", value):
        raise ValueError(
            f"{shown(value)} is not a label name; write lower-case letters, digits and _, a letter first"
        )
    return value


Name = Annotated[str, AfterValidator(_name)]
LabelName = Annotated[str, AfterValidator(_label)]


class Mode(StrEnum):
    """Who is told of a breach."""

    OBSERVE = "observe"  # judged and exported, nobody told
    TICKET = "ticket"  # at most a ticket
    PAGE = "page"  # as severe as the detector says


class Columns(Strict):
    """Which column of the log plays which part. Nested fields by dotted path: `payload.user.id`, `items.id`.

    Only `timestamp` and `item` are required; `recwatch check` says what a missing column makes impossible.
    """

    timestamp: Text = Field(description="When the recommendation was made.")
    item: Text = Field(description="The item shown; in the list layout, the column of the list of items.")
    request: Text | None = Field(
        default=None, description="One call of the recommender: rows with the same value are a list."
    )
    user: Text | None = Field(default=None, description="Who saw it.")
    position: Text | None = Field(
        default=None, description="Place in the list, counted from 1 (or 0: found out); long layout only."
    )
    score: Text | None = Field(default=None, description="What the model ordered by.")
    click: Text | None = Field(default=None, description="Whether it was clicked.")
    model_version: Text | None = Field(default=None, description="Which model answered.")
    context: Text | None = Field(
        default=None, description="What was being looked at, for lists that depend on it."
    )


class LogConfig(Strict):
    """Where a prediction log is and what it looks like."""

    path: LocalPath = Field(
        description="A folder, a file, or `s3://bucket/prefix`; relative to the configuration file's folder."
    )
    format: Literal["parquet", "jsonl", "csv"] = Field(
        default="parquet", description="What the files are; `jsonl` also reads .gz and .zst."
    )
    layout: Literal["long", "list"] = Field(
        default="long", description="`long`: one row an item shown; `list`: one row a request."
    )
    partitions: str = Field(
        default="",
        description="Folders under `path` as a strftime pattern, `date=%Y-%m-%d/hour=%H`; empty for none.",
    )
    partitioned_by: Literal["event_time", "arrival"] = Field(
        default="event_time", description="What the time in a partition's name says."
    )
    partition_lateness: Duration = Field(
        default=timedelta(hours=2),
        description="For logs partitioned by arrival: how long after its event a row may still arrive.",
    )
    timestamp_unit: Literal["auto", "s", "ms", "us", "ns"] = Field(
        default="auto",
        description="Unit of a timestamp that is a number; `auto` for timestamp and ISO text columns.",
    )
    columns: Columns = Field(description="Which column plays which part.")
    lists_by: tuple[Literal["timestamp", "user", "context"], ...] = Field(
        default=(),
        description="Long layout without `columns.request`: parts whose values together tell lists apart, "
        "`[timestamp, user]`: rows of one user at one moment are a list. Empty: each row stands alone.",
    )
    guests: tuple[str, ...] = Field(default=(), description="User ids that stand for nobody in particular.")
    endpoint: Text | None = Field(
        default=None, description="S3 endpoint other than Amazon's, `http://host:port`."
    )
    region: Text | None = Field(default=None, description="S3 region.")
    connect_timeout: Duration = Field(default=timedelta(seconds=5), description="For object stores.")
    request_timeout: Duration = Field(default=timedelta(seconds=30), description="For object stores.")


CATALOG_PARTS = ("category", "family", "provider", "created_at", "blocked", "out_of_stock", "value")


class CatalogConfig(Strict):
    """The items that may be shown. Without it, what needs a catalogue is not measured."""

    path: LocalPath = Field(
        description="A Parquet, CSV or JSON lines file, also `s3://bucket/file` (reached as the log is); "
        "relative as `log.path` is."
    )
    item: Text = Field(default="item_id", description="Column of the item's id.")
    columns: dict[str, Text] = Field(
        default_factory=dict,
        description=f"Parts played by other columns: {', '.join(CATALOG_PARTS)}.",
    )


class WindowConfig(Strict):
    """Which time an evaluation covers and when it is due. Windows are in UTC."""

    length: Duration = Field(
        default=timedelta(hours=1), description="Length of a window; a whole part or multiple of a day."
    )
    settle: Duration = Field(
        default=timedelta(minutes=10), description="Wait after a window's end before it is read."
    )
    cadence: Duration | None = Field(
        default=None,
        description="How often the log gets data, when less often than every window: `1d`, a nightly batch.",
    )
    lateness: Duration = Field(default=timedelta(hours=6), description="How long late rows are looked for.")
    late_share: float = Field(
        default=0.02,
        gt=0,
        le=1,
        description="A window whose rows grew by more than this share is evaluated again.",
    )
    replay: Duration = Field(
        default=timedelta(days=14), description="History that is replayed silently on an empty store."
    )
    catch_up: int = Field(
        default=48, ge=1, description="Windows evaluated after an outage; older ones are recorded as skipped."
    )
    deadline: Duration = Field(
        default=timedelta(minutes=10), description="An evaluation that takes longer is stopped."
    )


class BudgetConfig(Strict):
    """What reading may cost. Over budget: a lower rate or a refused run that says so, no unbounded read."""

    rows_per_evaluation: int = Field(
        default=4_000_000,
        ge=1000,
        description="Rows behind the sampled statistics; small slices get a higher rate out of it. "
        "Of a window with 16 times as many or more, row groups are left out.",
    )
    bytes_per_evaluation: Bytes = Field(
        default=8 * 2**30, description="Bytes read from the log for one window."
    )
    bytes_per_day: Bytes = Field(default=200 * 2**30, description="Bytes read from the log in one day (UTC).")


class FalseAlarmsConfig(Strict):
    """How often chance may tell somebody wrongly: limits follow from it and from how much is tested."""

    days_per_page: float = Field(
        default=90, ge=1, description="At most one false page in so many days, over all recommenders."
    )
    days_per_ticket: float = Field(
        default=30, ge=1, description="At most one false ticket in so many days, over all recommenders."
    )
    recommenders: int | None = Field(
        default=None,
        ge=1,
        description="Recommenders that share this; those of the file when not given, where one with `split_by` "
        "counts as one.",
    )


class RecommenderConfig(Strict):
    """One recommender, complete: what remains when defaults and overrides have been worked in."""

    name: Name = Field(description="Unique; the label `recommender` of every metric.")
    log: LogConfig = Field(description="Its prediction log.")
    catalog: CatalogConfig | None = Field(default=None, description="The items that may be shown.")
    outcomes: OutcomesConfig | None = Field(
        default=None, description="Clicks and purchases that have a log of their own."
    )
    split_value: str | None = Field(
        default=None, description="With `split_by`: only the rows with this value, and no other recommender."
    )
    split_by: Text | None = Field(
        default=None,
        description="One recommender for each value of this column; its name becomes NAME/VALUE.",
    )
    slices: tuple[Text, ...] = Field(
        default=(), description="Columns whose values, and pairs of values, are watched apart."
    )
    kind: Kind = Field(
        default=Kind.PERSONALISED,
        description="What a list depends on: `personalised`: the user; `contextual`: the `context` column; "
        "`popular`: nothing.",
    )
    expected: ExpectedSameness = Field(default=ExpectedSameness(), description="Sameness that is meant.")
    window: WindowConfig = Field(default=WindowConfig(), description="Which time an evaluation covers.")
    budget: BudgetConfig = Field(default=BudgetConfig(), description="What reading may cost.")
    false_alarms: FalseAlarmsConfig = Field(
        default=FalseAlarmsConfig(), description="How often chance may tell somebody wrongly."
    )
    detectors: dict[Text, dict[str, Any]] = Field(
        default_factory=dict,
        description="Settings by detector: its parameters, `enabled`, `mode`, and `judge` by measure. "
        "`module:Class` adds one, and so does a name of your "
        "own with an expression: `pricey: {share_of: price > 1000, above: 0.2}`.",
    )
    detector_files: tuple[LocalPath, ...] = Field(
        default=(),
        description="Files with detectors of your own, or folders of such files; relative as `log.path` is. What "
        "is not built in has `mode: observe` unless told otherwise.",
    )
    mode: Mode = Field(
        default=Mode.PAGE,
        description="Who is told: `observe`: nobody, it is judged and exported; `ticket`: at most a ticket; "
        "`page`: as severe as the detector says.",
    )
    maintenance: tuple[Maintenance, ...] = Field(
        default=(),
        description="Stretches of time in which nobody is told. The file's own `maintenance` names recommenders by "
        "pattern.",
    )
    ask_after: Duration = Field(
        default=timedelta(days=3),
        description="An incident that is open for longer asks whether the new level is meant.",
    )
    labels: dict[LabelName, Text] = Field(
        default_factory=dict, description="Such as team and tier: on metrics and alerts."
    )
    overrides: dict[Text, dict[str, Any]] = Field(
        default_factory=dict,
        description="With `split_by`: settings by name or pattern of the recommenders that it makes; the "
        "`overrides` of the file that are for them end up here.",
    )

    def in_maintenance(self, window: Window) -> bool:
        """Whether a window touches a stretch of maintenance."""
        return any(m.covers(self.name, window.start, window.end) for m in self.maintenance)


class DaemonConfig(Strict):
    """What concerns the daemon as a whole."""

    tick: Duration = Field(
        default=timedelta(seconds=30), description="How often the daemon looks whether a window is due."
    )
    workers: int = Field(default=2, ge=1, le=64, description="Evaluations that run at one time.")
    worker_memory: Bytes = Field(
        default=4 * 2**30, description="Memory of one evaluation; one that takes more is stopped."
    )
    series_per_recommender: int = Field(
        default=2000,
        ge=50,
        description="Cap on exported series; slices of the finest kind are dropped first.",
    )
    page_actions: bool = Field(
        default=False,
        description=(
            "Whether people can rate, acknowledge and rebaseline on the page. Where the page can be reached from other"
            " machines, only with users in `--web.config.file`."
        ),
    )
    retention: Duration = Field(default=timedelta(days=90), description="How long evaluations are kept.")
    examples: Duration = Field(
        default=timedelta(days=30),
        description=(
            "How long an incident keeps the lists of single users that it shows, from its opening on; nothing"
            " tells whose they were. `0s` removes them within the hour."
        ),
    )
    summaries: int = Field(default=48, ge=0, description="Windows whose statistics are kept, by recommender.")


class Config(Strict):
    """A whole configuration file after inheritance."""

    daemon: DaemonConfig = DaemonConfig()
    recommenders: tuple[RecommenderConfig, ...] = Field(min_length=1)
