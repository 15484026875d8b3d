"""What `recwatch detectors new` writes: a detector that works and a test that passes, to be changed from there."""

from __future__ import annotations

from collections.abc import Mapping

FUNCTION = '''"""NAME: says in one sentence what goes wrong when it does."""

from detectors import share_of_rows


@share_of_rows(columns={"price": float}, above=0.2)
def NAME(batch):
    """Share of items shown that cost more than 1000."""
    return batch["price"] > 1000
'''

FUNCTION_TEST = '''"""NAME against counting by hand."""

import pytest
from NAME import NAME

from detectors import measure, summarise


def test_it_counts_what_it_says() -> None:
    shown = {
        "request": [1, 1, 2, 2],
        "user": ["ann", "ann", "bob", "bob"],
        "item": ["pen", "car", "pen", "house"],
        "price": [2.0, 20_000.0, 2.0, 300_000.0],
    }
    detector = NAME()
    summary = summarise(shown, detectors=[detector])
    assert measure(detector, summary)["share", "all"] == pytest.approx(0.5)
'''

LINE = """# Put this into the configuration, below a recommender or below defaults.
detectors:
  NAME:
    share_of: price > 1000
    above: 0.2
"""

LINE_TEST = '''"""NAME against counting by hand."""

from pathlib import Path

import pytest
import yaml

from detectors import measure, summarise
from detectors.own.lines import line


def test_it_counts_what_it_says() -> None:
    settings = yaml.safe_load(Path(__file__).with_name("NAME.yaml").read_text())["detectors"]["NAME"]
    detector = line("NAME", settings)()
    shown = {
        "request": [1, 1, 2, 2],
        "user": ["ann", "ann", "bob", "bob"],
        "item": ["pen", "car", "pen", "house"],
        "price": [2.0, 20_000.0, 2.0, 300_000.0],
    }
    summary = summarise(shown, detectors=[detector])
    assert measure(detector, summary)["share", "all"] == pytest.approx(0.5)
'''

CLASS = '''"""NAME: says in one sentence what goes wrong when it does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from detectors import Batch, Context, Detector, Floor, Measure, Measurement, Severity, Summary, Unit, share
from detectors.statistics.panel import Panel
from detectors.statistics.tally import Tally, per_cell


@dataclass(frozen=True)
class NAMETally(Tally):
    """What is counted of each batch, in every cell of the traffic; parts are added up by `Tally`."""

    name = "NAME_tally"
    names = ("requests", "short")

    @classmethod
    def count(cls, batch: Batch) -> dict[str, np.ndarray]:
        return {"requests": batch.requests_by_cell, "short": per_cell(batch, batch.length < 2)}


@dataclass(frozen=True)
class NAMEDetector(Detector):
    """Its fields are its settings in the configuration."""

    name = "NAME"
    statistics = (NAMETally, Panel)

    above: float = 0.2

    def measures(self) -> tuple[Measure, ...]:
        return (
            Measure(
                "short_share",
                Unit.RATIO,
                "Share of requests with fewer than two items.",
                (Floor(above=self.above, severity=Severity.TICKET),),
                frozenset({"request"}),
                says="{value} of lists have fewer than two items",
            ),
        )

    def measure(self, summary: Summary, context: Context) -> Iterator[Measurement]:
        if "request" not in summary.has:
            return
        tally = summary[NAMETally]
        counted = tally.by_slice(summary.members(tally))
        yield share("short_share", counted["short"], counted["requests"], summary.clustering)
'''

CLASS_TEST = '''"""NAME against counting by hand."""

import pytest
from NAME import NAMEDetector

from detectors import measure, summarise


def test_it_counts_what_it_says() -> None:
    shown = {"request": [1, 1, 2], "user": ["ann", "ann", "bob"], "item": ["pen", "car", "pen"]}
    detector = NAMEDetector()
    summary = summarise(shown, detectors=[detector])
    assert measure(detector, summary)["short_share", "all"] == pytest.approx(0.5)
'''

DOORS: Mapping[str, tuple[str, str, str]] = {  # what the file is called, what is in it, and in its test
    "line": ("NAME.yaml", LINE, LINE_TEST),
    "function": ("NAME.py", FUNCTION, FUNCTION_TEST),
    "class": ("NAME.py", CLASS, CLASS_TEST),
}


def files_of(door: str, name: str) -> dict[str, str]:
    """Names and contents of the two files of a new detector."""
    file, text, test = DOORS[door]
    camel = "".join(part.title() for part in name.split("_"))
    filled = [t.replace("NAMEDetector", camel).replace("NAMETally", f"{camel}Tally") for t in (text, test)]
    return {
        file.replace("NAME", name): filled[0].replace("NAME", name),
        f"test_{name}.py": filled[1].replace("NAME", name),
    }
