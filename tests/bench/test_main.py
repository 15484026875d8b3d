"""`python -m tests.bench`: what could not be measured is said, and ends nothing; targets stand beside figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.__main__ import ITEMS, main


def test_what_cannot_be_measured_says_why_and_the_rest_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plain-20000.parquet").write_bytes(b"no Parquet")
    options = ["--rows", "20000", "--rounds", "1", "--variants", "plain", "--own-requests", "200"]
    assert main(["--only", "once", "own", *options, "--cache", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    whole = lines[lines.index("all of it") :]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in whole if line.startswith("|")]
    assert cells[2][:3] == ["once", "-", ""]
    assert cells[2][3].startswith("not measured: decode ended with 1: ")
    assert {row[2] for row in cells[3:]} == {"at most 1.5 x"}


def test_what_there_is_to_measure_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--only", "everything"])
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert all(item in said for item in ITEMS)
