"""Statistics of anybody's, made so that one that fails is named and left out, and the others go on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from threading import Lock

from detectors.core.detector import Detector
from detectors.core.statistic import Statistic, Uncounted
from detectors.core.summary import Made, Summary
from monitor.engine.raised import what_was_raised
from monitor.engine.summarise import WindowSummary


class Guard:
    """Runs what makes statistics, in any thread.

    Parameters
    ----------
    detectors : mapping of name to Detector
        Those that run.
    announce : callable
        Told the name of the detector whose statistic has been running longest, and "" when none runs, so that who
        watches from outside knows whom to blame. Statistics that come with the library are not announced.
    """

    def __init__(
        self, detectors: Mapping[str, Detector], announce: Callable[[str], None] = lambda name: None
    ) -> None:
        self.failures: dict[str, str] = {}
        self._detectors, self._announce = detectors, announce
        self._failed: set[type[Statistic]] = set()
        self._running: list[str] = []
        self._lock = Lock()

    def __call__(self, kind: type[Statistic], make: Callable[[], Made]) -> Made | None:
        """What `make` makes, None when it fails or has failed before."""
        if kind in self._failed:
            return None
        owner = self._owner(kind)
        if owner:
            self._enter(owner)
        try:
            made = make()
            if (made.kind if isinstance(made, Uncounted) else type(made)) is not kind:
                raise TypeError(f"a state of {kind.__name__} was wanted, not {type(made).__name__}")
            return made
        except (Exception, SystemExit) as error:  # a statistic may raise anything
            self._fail(kind, error)
            return None
        finally:
            if owner:
                self._leave(owner)

    def without_failed(self, window: WindowSummary) -> WindowSummary:
        """The window without what failed in any part of it."""

        def rest(summary: Summary) -> Summary:
            kept = {kind: s for kind, s in summary.statistics.items() if kind not in self._failed}
            return replace(summary, statistics=kept)

        if not self._failed:
            return window
        return replace(
            window,
            summary=rest(window.summary),
            replicates=tuple((rest(part), scale) for part, scale in window.replicates),
            boosted=window.boosted and rest(window.boosted),
        )

    def _owner(self, kind: type[Statistic]) -> str:
        if kind.__module__.startswith("detectors."):
            return ""
        return next((name for name, d in self._detectors.items() if kind in d.statistics), "")

    def _enter(self, name: str) -> None:
        with self._lock:
            self._running.append(name)
            if len(self._running) == 1:
                self._announce(name)

    def _leave(self, name: str) -> None:
        with self._lock:
            was_first = self._running[0] == name
            self._running.remove(name)
            if was_first:
                self._announce(self._running[0] if self._running else "")

    def _fail(self, kind: type[Statistic], error: BaseException) -> None:
        with self._lock:
            self._failed.add(kind)
            for name in _those_with(kind, self._detectors):
                self.failures.setdefault(name, what_was_raised(error, self._detectors[name]))


def _those_with(kind: type[Statistic], detectors: Mapping[str, Detector]) -> Iterable[str]:
    return [name for name, detector in detectors.items() if kind in detector.statistics]
