"""Columns that detectors ask for beside the roles: which of the log, which of the catalogue."""

from __future__ import annotations

from collections.abc import Iterable

from detectors.core.detector import Detector

OF_CATALOG = "catalog."

Asked = tuple[tuple[str, type], ...]  # path and float, bool or str


def of_log(detectors: Iterable[Detector]) -> Asked:
    """Dotted paths in the log."""
    return tuple((name, kind) for name, kind in _asked(detectors) if not name.startswith(OF_CATALOG))


def of_catalog(detectors: Iterable[Detector]) -> Asked:
    """Names in the catalogue, without the leading "catalog."."""
    return tuple(
        (name.removeprefix(OF_CATALOG), kind)
        for name, kind in _asked(detectors)
        if name.startswith(OF_CATALOG)
    )


def _asked(detectors: Iterable[Detector]) -> list[tuple[str, type]]:
    return sorted(
        {column for detector in detectors for column in detector.asks_for().items()},
        key=lambda column: (column[0], column[1].__name__),
    )
