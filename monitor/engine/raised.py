"""What a detector raised, for people: the error, and where in the detector's own code."""

from __future__ import annotations

import inspect
import traceback

from detectors.core.detector import Detector


def what_was_raised(error: BaseException, detector: Detector) -> str:
    """The error and where in the detector's own file it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    try:
        own_file = inspect.getfile(type(detector))
    except (OSError, TypeError):  # defined where there is no file
        own_file = ""
    own = [f for f in frames if f.filename == own_file]
    where = f"{own_file}:{own[-1].lineno}" if own else own_file or type(detector).__qualname__
    return f"{type(error).__name__}: {error} ({where})"
