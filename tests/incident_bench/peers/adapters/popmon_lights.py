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
from popmon import Settings, make_histograms, stability_metrics

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
    logging.disable(logging.INFO)
    features = [f"time:{name}" for name in FAMILY]
    width, offset = pd.Timedelta(HOUR).value, pd.Timestamp(log.start.replace(tzinfo=None)).value
    # Made from histograms, since `df_stability_metrics` of 1.4.12 refuses a table as an external reference.
    quiet, features, bins, axis, types = make_histograms(
        _frame(log.reference),
        features,
        bin_specs={"time": {"bin_width": float(width), "bin_offset": float(offset)}},
        time_axis="time",
        ret_specs=True,
    )
    judged = make_histograms(
        _frame(log.rows[log.rows["hour"] >= log.first_hour]),
        features,
        bin_specs=bins,
        time_axis=axis,
        var_dtype=types,
    )
    told = stability_metrics(judged, Settings(time_axis=axis, reference_type="external"), reference=quiet)
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
