"""Where a program is missing and cannot be installed, the tests that need it are skipped, and that is said."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "tests" / "system_packages.sh"
ONE_TEST = ROOT / "tests" / "monitor" / "exposition" / "test_metrics_page.py"


def environment(path: Path, **more: str) -> dict[str, str]:
    without = ("PATH", "CI", "PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER")
    return {name: value for name, value in os.environ.items() if name not in without} | {
        "PATH": str(path),
        **more,
    }


def pytest_without_programs(path: Path, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-n0", "-p", "no:cacheprovider", ONE_TEST, "-k", "promtool"]
    return subprocess.run(
        command, env=environment(path, **more), cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_a_test_without_its_program_is_skipped_and_that_is_said(tmp_path: Path) -> None:
    done = pytest_without_programs(tmp_path)
    assert done.returncode == 0
    assert (
        "NOT TESTED: 1 tests skipped, each needs the Debian package prometheus: sudo apt-get install prometheus"
        in done.stdout
    )


def test_nothing_is_skipped_in_continuous_integration(tmp_path: Path) -> None:
    done = pytest_without_programs(tmp_path, CI="true")
    assert done.returncode == 1
    assert "NOT TESTED" not in done.stdout
    assert "No such file or directory: 'promtool'" in done.stdout


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A PATH on which nothing is installed, and installing fails."""
    for name, script in (("dpkg", "exit 1"), ("apt-get", "exit 100"), ("id", "echo 1000")):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize(
    ("change", "why"), [("unlink apt-get", "there is no apt-get"), ("", "only root may")]
)
def test_what_cannot_be_installed_is_said(machine: Path, change: str, why: str) -> None:
    if change:
        (machine / change.removeprefix("unlink ")).unlink()
    for more, code in (({}, 0), ({"CI": "true"}, 1)):
        done = subprocess.run(
            ["/bin/sh", SCRIPT, "a", "b"],
            env=environment(machine, **more),
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout) == (code, "")
        assert done.stderr == f"not installed: a b ({why}; install with: sudo apt-get install a b)\n"
