"""`recwatch rules` as people type it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

RECWATCH = Path(sys.executable).with_name("recwatch")
COMMITTED = Path(__file__).parents[3] / "grafana" / "alerts" / "recwatch.rules.yaml"


def rules(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [RECWATCH, "rules", *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False
    )


def test_without_options_it_writes_the_committed_file() -> None:
    done = rules()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == COMMITTED.read_text("utf-8")


def test_the_file_says_how_it_was_made(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    options = ["--selector", 'app="recwatch"', "--map", "page=critical", "--process-label", "uid"]
    options += ["--external-url", "https://ops.example.org", "--runbook-url", "https://wiki.example.org"]
    options += ["--dashboard-url", "https://grafana.example.org"]
    done = rules(*options, "-o", file)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert file.read_text("utf-8").splitlines()[2] == (
        "#   recwatch rules '--selector=app=\"recwatch\"' --map=page=critical"
        " --external-url=https://ops.example.org --runbook-url=https://wiki.example.org"
        " --dashboard-url=https://grafana.example.org --process-label=uid"
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--map", "page"], "recwatch: --map page: write SEVERITY=VALUE, such as page=critical\n"),
        (
            ["--map", "warning=x"],
            'recwatch: --map warning: "warning" is neither a severity nor an alert; use one of "page"',
        ),
        (
            ["-o", "/nowhere/rules.yaml"],
            "recwatch: --output /nowhere/rules.yaml: No such file or directory\n",
        ),
    ],
)
def test_a_mistake_is_a_sentence_and_exit_code_2(arguments: list[str], says: str) -> None:
    done = rules(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(says)
