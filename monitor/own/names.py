"""What a new detector may be called: its name is that of a file, of a function and of a metric."""

from __future__ import annotations

import keyword
import re
import sys
from importlib.metadata import packages_distributions

from detectors.core.detector import discover
from monitor.exposition.catalogue import MeasureInfo, measure_families


def mistake_in(name: str) -> str:
    """What is wrong with a name, and what to do; empty when nothing is.

    >>> mistake_in("adult_shown"), mistake_in("random")
    ('', 'is the name of a Python module, which the file would hide; give yours another name')
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,59}", name):
        return "write lower-case letters, digits and _, a letter first"
    if name in discover():
        return "is built in; give yours another name"
    if keyword.iskeyword(name):
        return "is a word of Python's own; give yours another name"
    if name.startswith("test_"):
        return "files called test_* are taken for tests; give yours another name"
    try:
        measure_families({f"{name}.share": MeasureInfo(f"{name}.share", "ratio", "Help.")})
    except ValueError as error:
        return str(error)
    if name in sys.stdlib_module_names or name in packages_distributions():
        return "is the name of a Python module, which the file would hide; give yours another name"
    return ""
