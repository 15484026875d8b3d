"""The library: statistics of what a recommender shows, detectors of what goes wrong. Arrays in, numbers out."""

from detectors.core.batch import Batch
from detectors.core.catalog import Catalog
from detectors.core.cells import Cells, Slices
from detectors.core.detector import Context, Detector, Earlier, discover, load_detector
from detectors.core.expected import Expected
from detectors.core.measurement import Measure, Measurement, Unit, share
from detectors.core.statistic import Statistic
from detectors.core.summary import Summary
from detectors.core.verdict import Severity, Verdict
from detectors.judgement.spec import Floor, History

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
    "Measurement",
    "Severity",
    "Slices",
    "Statistic",
    "Summary",
    "Unit",
    "Verdict",
    "discover",
    "load_detector",
    "share",
]
