"""What all tests share: hypothesis tries the same examples in every run, and what cannot be run here is said.

A test that runs a program which does not come with Python is marked with it, `@pytest.mark.needs("promtool")`. Where
the program is missing, the test is skipped and the end of the run says what was not tested; with CI=true it is run
and fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("repeatable")

PACKAGES = {  # Debian's, by program
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "amtool": "prometheus-alertmanager",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "chromium": "chromium",
    "systemd-analyze": "systemd",
}
AXE_CORE = "axe-core"  # of npm, installed for the whole machine
NO_AXE_CORE = "needs axe-core of npm: accessibility is not tested"
NOT_TESTED = "needs the Debian package "


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("CI") == "true":
        return  # nothing is skipped there: what is missing fails
    # Elsewhere a program may be impossible to install: what needs it is skipped, and the summary says so.
    for item in items:
        needed = [program for mark in item.iter_markers("needs") for program in mark.args]
        if AXE_CORE in needed and not _has_axe_core():
            item.add_marker(pytest.mark.skip(reason=NO_AXE_CORE))  # never in CI
        programs = [program for program in needed if program != AXE_CORE]
        if missing := sorted({PACKAGES[program] for program in programs if shutil.which(program) is None}):
            item.add_marker(pytest.mark.skip(reason=NOT_TESTED + " and ".join(missing)))  # never in CI


@cache
def _has_axe_core() -> bool:
    if shutil.which("npm") is None:
        return False
    root = subprocess.run(["npm", "root", "-g"], capture_output=True, text=True, check=False).stdout.strip()
    return (Path(root) / AXE_CORE / "axe.min.js").is_file()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    reasons = Counter(
        report.longrepr[2].removeprefix("Skipped: ")
        for report in terminalreporter.stats.get("skipped", [])
        if NOT_TESTED in report.longrepr[2]
    )
    if blind := sum(
        NO_AXE_CORE in report.longrepr[2] for report in terminalreporter.stats.get("skipped", [])
    ):
        line = f"NOT TESTED: {blind} tests skipped, each {NO_AXE_CORE}: sudo npm install -g axe-core"
        terminalreporter.write_line(line, yellow=True)
    for reason, count in sorted(reasons.items()):
        package = reason.removeprefix(NOT_TESTED).replace(" and ", " ")
        line = f"NOT TESTED: {count} tests skipped, each {reason}: sudo apt-get install {package}"
        terminalreporter.write_line(line, yellow=True)
