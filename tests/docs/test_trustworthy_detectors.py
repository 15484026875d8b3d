"""The figures in the page on trustworthy detectors come out of the code that stands beside them."""

from __future__ import annotations

import doctest
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "trustworthy-detectors.md"


def test_every_figure_is_computed() -> None:
    found = doctest.testfile(str(PAGE), module_relative=False)
    assert found.failed == 0
    assert found.attempted >= 15
