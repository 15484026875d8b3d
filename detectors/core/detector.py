"""The detector: pure, from a summary to measurements. Detectors are found through one door, built-in or not."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, ClassVar

from detectors.core.catalog import Catalog
from detectors.core.expected import NOTHING_EXPECTED, Expected
from detectors.core.measurement import Measure, Measurement
from detectors.core.statistic import Statistic
from detectors.core.summary import Summary

if TYPE_CHECKING:  # the judge needs scipy, and whoever shows incidents does not need the judge
    from detectors.judgement.series import Series

ENTRY_POINTS = "recwatch.detectors"


@dataclass(frozen=True)
class Earlier:
    """A window before the one that is measured.

    Parameters
    ----------
    start_us : int
        In microseconds since the epoch.
    summary : Summary
    troubled : bool
        Whether an incident that pages was open in it: what it shows may not be how the recommender usually is.
    """

    start_us: int
    summary: Summary
    troubled: bool = False


@dataclass(frozen=True)
class Logged:
    """What a log of outcomes has of a time as long as the window.

    Parameters
    ----------
    number : mapping of kind to int
        "click", "conversion".
    rate : float
        Share of the requests with which they were joined.
    lag_us : int
        How much older than the window those requests are.
    """

    number: Mapping[str, int]
    rate: float = 1.0
    lag_us: int = 0


@dataclass(frozen=True)
class Context:
    """What a detector may know beside the summary: facts of the configuration and the window.

    Parameters
    ----------
    window_us : (int, int)
        Start and end of the window in microseconds since the epoch.
    expected : Expected
        Sameness that is meant, and where. Statistics that are organic have been made without it.
    catalog : Catalog or None
        The items that may be shown, where a catalogue is configured and can be read.
    outcomes : Logged or None
        Outcomes that have a log of their own.
    earlier : callable
        The windows of the day before that are still known, the newest first; looked up when they are asked for.
    version_column : str or None
        The slice column that says which model answered; None where it is no slice column.
    """

    window_us: tuple[int, int] = (0, 0)
    expected: Expected = NOTHING_EXPECTED
    catalog: Catalog | None = None
    earlier: Callable[[], Iterable[Earlier]] = tuple
    outcomes: Logged | None = None
    version_column: str | None = None


class Detector(ABC):
    """Base of detectors. Subclasses are frozen dataclasses; their fields are their settings in the configuration.

    Attributes
    ----------
    name : str
        File name, configuration key and metric label in one.
    statistics : tuple of Statistic types
        What it reads of a summary.
    telling : int
        Of several breaches at one time, those of the detector that tells most name the incident.
    columns : mapping of str to type
        Columns that it needs beside the roles, as `float`, `bool` or `str`: of the log by their dotted path, of the
        catalogue as "catalog.NAME". They are read, and in `Batch.columns`.
    """

    name: ClassVar[str]
    statistics: ClassVar[tuple[type[Statistic], ...]]
    telling: ClassVar[int] = 50
    columns: ClassVar[Mapping[str, type]] = {}

    @abstractmethod
    def measures(self) -> tuple[Measure, ...]:
        """What it measures, with these settings."""

    def asks_for(self) -> Mapping[str, type]:
        """`columns`, and those that its settings name."""
        return self.columns

    @abstractmethod
    def measure(self, summary: Summary, context: Context) -> Iterator[Measurement]:
        """Measure every slice of a summary. Pure: no files, no clock, no randomness."""

    def follow(self, series: Series) -> Iterator[Measurement]:
        """Measure what no single window shows, from the measures of this window and those before it."""
        yield from ()

    def unsuited(self, summary: Summary) -> Mapping[str, str]:
        """Measures that what is in the columns does not allow, and why: `measure` leaves them out."""
        return {}


def settings_of(detector: Detector) -> dict[str, Any]:
    """What can be set of a detector, and how it is: none of one that is no dataclass.

    >>> from detectors.lists import Lists
    >>> settings_of(Lists())["short_above"]
    0.5
    """
    return {f.name: getattr(detector, f.name) for f in fields(detector)} if is_dataclass(detector) else {}


@cache
def discover() -> dict[str, type[Detector]]:
    """All installed detectors by name, from the entry-point group `recwatch.detectors`.

    Raises
    ------
    ValueError
        When two detectors have one name, or one cannot be loaded.
    """
    found: dict[str, type[Detector]] = {}
    paths: dict[str, str] = {}
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda p: p.value):
        detector = load_detector(point.value)
        if detector.name in found and found[detector.name] is not detector:
            raise ValueError(
                f"two detectors are called {detector.name}: {paths[detector.name]} and {point.value}"
            )
        found[detector.name], paths[detector.name] = detector, point.value
    return dict(sorted(found.items()))


def load_detector(path: str) -> type[Detector]:
    """A detector class by `module:Class`.

    Raises
    ------
    ValueError
        When there is no such module or class, or it is no detector.
    """
    module, _, attribute = path.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except Exception as error:  # somebody else's module: whatever it raises is told, not a traceback
        raise ValueError(f"{path}: cannot be loaded: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Detector)):
        raise ValueError(f"{path} is not a detector: write a class that derives from detectors.Detector")
    lacks = sorted(
        {*found.__abstractmethods__, *(a for a in ("name", "statistics") if not hasattr(found, a))}
    )
    if lacks:
        raise ValueError(f"{path} is not a complete detector: it lacks {', '.join(lacks)}")
    return found
