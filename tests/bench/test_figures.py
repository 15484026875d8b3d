"""Figures beside their targets: what is good, what falls short, what was not measured."""

import pytest

from tests.bench.figures import Figure, table


@pytest.mark.parametrize(
    ("value", "target", "at_least", "verdict"),
    [
        (2.9, 3.0, False, "ok"),
        (3.1, 3.0, False, "falls short"),
        (149_000, 150_000, True, "falls short"),
        (151_000, 150_000, True, "ok"),
        (7.0, None, False, ""),
        (None, 3.0, True, "not measured"),
    ],
)
def test_verdicts(value, target, at_least, verdict):
    assert Figure("speed", value, " x", target, at_least=at_least).verdict == verdict


def test_the_table_says_in_which_direction_a_target_lies_and_why_there_is_no_value():
    lines = table(
        [
            Figure("rows a second", 151_234.0, "", 150_000, at_least=True),
            Figure("memory", None, " MB", 800, "it ended with 1"),
        ]
    ).splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    assert cells[2] == ["rows a second", "151,234", "at least 150,000", "ok"]
    assert cells[3] == ["memory", "-", "at most 800 MB", "not measured: it ended with 1"]
