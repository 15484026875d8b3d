"""What the measures of all detectors are called in Prometheus."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from monitor.exposition.daemon_families import DAEMON
from monitor.exposition.families import RECOMMENDER, Family

# The exposition formats give these endings a meaning of their own.
RESERVED_ENDINGS = ("_total", "_count", "_sum", "_bucket", "_info", "_created")
NOT_BASE_UNITS = {"milliseconds", "microseconds", "nanoseconds", "minutes", "hours", "days", "weeks"} | {
    *(
        "ms",
        "us",
        "ns",
        "percent",
        "percents",
        "percentage",
        "kilobytes",
        "megabytes",
        "gigabytes",
        "kb",
        "mb",
        "gb",
    )
}


@dataclass(frozen=True)
class MeasureInfo:
    """What a detector declares of one of its measures.

    Parameters
    ----------
    name : str
        Full name, "same_item.first_place_share".
    unit : str
        A base unit: "ratio" (0 to 1), "seconds", "bytes", what is counted ("rows", "items"), or empty.
    help : str
        One sentence for the HELP line and the documentation.
    """

    name: str
    unit: str
    help: str

    @property
    def detector(self) -> str:
        return self.name.partition(".")[0]


def metric_name(info: MeasureInfo) -> str:
    """Name of the metric that exports a measure, its unit at the end.

    >>> metric_name(MeasureInfo("same_item.first_place_share", "ratio", ""))
    'recwatch_same_item_first_place_share_ratio'
    >>> metric_name(MeasureInfo("traffic.rows", "rows", ""))
    'recwatch_traffic_rows'
    """
    name = "recwatch_" + info.name.replace(".", "_")
    return name if not info.unit or name.endswith("_" + info.unit) else f"{name}_{info.unit}"


def measure_families(catalogue: Mapping[str, MeasureInfo]) -> dict[str, Family]:
    """The metric of every measure, by full measure name.

    Raises
    ------
    ValueError
        When a measure's name, unit or help breaks the metric conventions, or two would share a metric.
    """
    families: dict[str, Family] = {}
    taken = {family.name: "recwatch itself" for family in (*RECOMMENDER, *DAEMON)}
    for measure, info in sorted(catalogue.items()):
        if measure != info.name:
            raise ValueError(f"the catalogue lists {info.name!r} under {measure!r}")
        name = metric_name(info)
        if not re.fullmatch(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*", info.name):
            raise ValueError(
                f"measure {info.name!r}: write detector.measure in lower case letters, digits and _"
            )
        if not re.fullmatch(r"[a-z]*", info.unit) or info.unit in NOT_BASE_UNITS:
            raise ValueError(
                f"measure {info.name!r}: use a base unit (ratio, seconds, bytes, or what is counted),"
                f" not {info.unit!r}"
            )
        if said := NOT_BASE_UNITS & set(name.split("_")):
            raise ValueError(
                f"measure {info.name!r}: {min(said)!r} in its name is no base unit; measure in one (here"
                f" {info.unit!r}), which then ends the metric's name by itself"
            )
        if name.endswith(RESERVED_ENDINGS):
            raise ValueError(
                f"measure {info.name!r}: metric {name} ends in a suffix that Prometheus gives a meaning"
            )
        if name in taken:
            raise ValueError(f"measure {info.name!r}: metric {name} is already used by {taken[name]}")
        if not info.help.strip():
            raise ValueError(f"measure {info.name!r} has no help text")
        taken[name] = f"measure {info.name!r}"
        families[measure] = Family(
            name,
            "gauge",
            " ".join(info.help.split()),
            ("recommender", "slice"),
            absent="nothing was measured in the slice, or the last window was not evaluated",
        )
    return families
