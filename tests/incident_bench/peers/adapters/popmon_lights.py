"""popmon's traffic lights: profiles and comparisons of each hour against an external reference; red is an alarm.

Defaults but for three settings that its documentation asks for: the time axis, bins of an hour, and a reference that
is known to be good (`reference_type="external"`: the seven quiet days) instead of the whole log, which would look
ahead. The red lights are those of the default monitoring rules: 7 standard deviations.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from popmon import Settings, df_stability_metrics

from tests.incident_bench.peers.adapters.reading import HOUR, Log, silence
from tests.incident_bench.peers.alarms import Alarm

FAMILY = {
    "item_id": "drift",
    "top_item": "same_item",
    "score": "scores",
    "position": "lists",
    "clicked": "outcome",
    "user_known": "traffic",
    "country": "traffic",
    "surface": "traffic",
    "model_version": "drift",
}
RED = 2


def alarms(log: Log, catalog: Path) -> Iterator[Alarm]:
    for _, end, rows in log.judged():
        if rows.empty:
            yield silence(end)
    settings = Settings(
        time_axis="time", reference_type="external", features=[f"time:{name}" for name in FAMILY]
    )
    logging.disable(logging.INFO)
    told = df_stability_metrics(
        _frame(log.rows[log.rows["hour"] >= log.first_hour]),
        settings=settings,
        time_width="1h",
        time_offset=log.start.replace(tzinfo=None).isoformat(),
        reference=_frame(log.reference),
    )
    for feature, lights in told["traffic_lights"].items():
        for moment, row in lights.iterrows():
            for metric in row.index[row == RED]:
                end = pd.Timestamp(moment).floor("1h").tz_localize("UTC").to_pydatetime() + HOUR
                yield Alarm(f"{feature} {metric}", FAMILY[feature.split(":")[-1]], end, text="red")


def _frame(rows: pd.DataFrame) -> pd.DataFrame:
    """The columns that it gets; the item at position 1 is a feature of its own, or it could not see the top at all."""
    return pd.DataFrame(
        {
            "time": rows["timestamp"].dt.tz_localize(None),
            "item_id": rows["item_id"].astype(str),
            "top_item": rows["item_id"].astype(str).where(rows["position"] == 1),
            "score": rows["score"].astype(float),
            "position": rows["position"].astype(float),
            "clicked": rows["clicked"].astype(bool),
            "user_known": rows["user_id"].notna(),
            "country": rows["country"].astype(str),
            "surface": rows["surface"].astype(str),
            "model_version": rows["model_version"].astype(str),
        }
    )
