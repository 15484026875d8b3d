"""Files of detectors that eat memory, hang or end their process while they are loaded do so to no command."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from monitor.cli import contained
from monitor.cli.main import cli
from monitor.daemon import calling
from monitor.errors import RecwatchError, UserError
from tests.monitor.own_shop import settings, write_shop

GOOD = '''
from detectors import share_of_rows

@share_of_rows
def second(batch):
    """Share of rows at the second place."""
    return batch.position == 2
'''
ON_LOADING = {
    "eats memory": (
        "hog = []\nwhile True:\n    hog.append(b'x' * 2**24)\n",
        r"the worker was stopped at more than 500MiB of memory( at mine\.py:\d+ in <module>)?",
    ),
    "ends": ("import os\nos._exit(7)\n", "the worker ended by itself with exit code 7"),
    "hangs": (
        # Not in Python, so that nothing raised in its thread ends it.
        "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()\n",
        r"the worker hangs at mine\.py:\d+ in <module>",
    ),
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shop(tmp_path_factory.mktemp("shop"), hours=2)


def ran(shop: Path, folder: Path, command: str, code: str) -> Result:
    (folder / "mine.py").write_text(code)
    config = folder / "shop.yaml"
    config.write_text(yaml.safe_dump({"recommenders": [settings(shop, detector_files=["mine.py"])]}))
    arguments = {
        "check": ["check", config],
        "list": ["detectors", "list", config],
        "show": ["detectors", "show", "second", config],
        "test": ["detectors", "test", config.with_name("mine.py")],
        "try": ["detectors", "try", config.with_name("mine.py"), config],
    }[command]
    return CliRunner().invoke(cli, [str(a) for a in arguments], standalone_mode=False)


COMMANDS = ("check", "list", "show", "test", "try")
ONE_OF_EACH = [(c, "ends") for c in COMMANDS] + [
    ("check", "eats memory"),
    ("test", "eats memory"),
    ("list", "hangs"),
]


@pytest.mark.parametrize(("command", "how"), ONE_OF_EACH)
def test_the_command_says_which_file_it_was_and_ends(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, how: str
) -> None:
    monkeypatch.setattr(contained, "MEMORY", 500 * 2**20)
    monkeypatch.setattr(contained, "SECONDS", 8.0)
    code, says = ON_LOADING[how]
    done = ran(shop, tmp_path, command, code)
    assert isinstance(done.exception, RecwatchError)
    assert not isinstance(done.exception, UserError)
    what = (
        re.escape(f"{tmp_path / 'mine.py'} could not be loaded")
        if command == "test"
        else "the configuration could not be checked"
    )
    assert re.fullmatch(f"{what}: {says}", str(done.exception)), done.exception


@pytest.mark.parametrize("command", COMMANDS)
def test_a_good_file_is_used_as_ever(shop: Path, tmp_path: Path, command: str) -> None:
    done = ran(shop, tmp_path, command, GOOD)
    assert done.exception is None
    assert done.exit_code == 0
    assert "second" in done.output or command == "check"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_that_raises_is_a_mistake_with_its_line(shop: Path, tmp_path: Path, command: str) -> None:
    done = ran(shop, tmp_path, command, "x = 1\n1 / 0\n")
    assert isinstance(done.exception, UserError)
    assert f"{tmp_path / 'mine.py'}:2: ZeroDivisionError: division by zero" in str(done.exception)


def test_a_configuration_without_files_needs_no_worker(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_worker(*_: object) -> None:
        raise AssertionError("a worker was started")

    monkeypatch.setattr(contained, "WorkerProcess", no_worker)
    config = tmp_path / "shop.yaml"
    config.write_text(yaml.safe_dump({"recommenders": [settings(shop)]}))
    assert contained.checked(config).recommenders[0].name == "shop"


def test_the_limits_are_those_of_a_worker() -> None:
    assert (contained.MEMORY, contained.SECONDS) == (calling.MEMORY, calling.START_SECONDS)
