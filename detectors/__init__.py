"""The library: statistics of what a recommender shows, detectors of what goes wrong. Arrays in, numbers out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from detectors.core.batch import Batch
from detectors.core.catalog import Catalog
from detectors.core.cells import Cells, Slices
from detectors.core.detector import Context, Detector, Earlier, discover, load_detector
from detectors.core.expected import Expected
from detectors.core.measurement import Measure, Measurement, Unit, share
from detectors.core.statistic import Statistic
from detectors.core.summary import Summary
from detectors.core.texts import Texts
from detectors.core.verdict import Severity, Verdict
from detectors.judgement.spec import Floor, History

if TYPE_CHECKING:
    from detectors.own.functions import (
        count_of_requests,
        count_of_rows,
        mean_of_requests,
        mean_of_rows,
        quantile_of_requests,
        quantile_of_rows,
        share_of_requests,
        share_of_rows,
        share_of_users,
    )
    from detectors.own.table import Measured, as_batch, measure, summarise
    from detectors.own.view import View

# What needs scipy is imported when it is asked for: the daemon's parent does without.
LATE = {
    "View": "detectors.own.view",
    **dict.fromkeys(("Measured", "as_batch", "measure", "summarise"), "detectors.own.table"),
}

__all__ = [
    "Batch",
    "Catalog",
    "Cells",
    "Context",
    "Detector",
    "Earlier",
    "Expected",
    "Floor",
    "History",
    "Measure",
    "Measured",
    "Measurement",
    "Severity",
    "Slices",
    "Statistic",
    "Summary",
    "Texts",
    "Unit",
    "Verdict",
    "View",
    "as_batch",
    "count_of_requests",
    "count_of_rows",
    "discover",
    "load_detector",
    "mean_of_requests",
    "mean_of_rows",
    "measure",
    "quantile_of_requests",
    "quantile_of_rows",
    "share",
    "share_of_requests",
    "share_of_rows",
    "share_of_users",
    "summarise",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'detectors' has no attribute {name!r}")
    return getattr(import_module(LATE.get(name, "detectors.own.functions")), name)
