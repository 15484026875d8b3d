"""`recwatch run` when it cannot: what it says and how it exits."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

SHOP = "recommenders: [{name: shop, log: {path: log, columns: {timestamp: ts, item: item}}}]"


def recwatch_run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from monitor.cli import main; main()", "run", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "shop.yaml"
    path.write_text(SHOP)
    return path


def test_a_configuration_that_is_missing(tmp_path: Path) -> None:
    done = recwatch_run(tmp_path / "none.yaml", "--storage.path", tmp_path / "state")
    assert done.returncode == 2
    assert f"{tmp_path}/none.yaml: no such file" in done.stderr
    assert not (tmp_path / "state").exists()


def test_a_configuration_that_is_wrong(config: Path, tmp_path: Path) -> None:
    config.write_text(SHOP.replace("item: item", "itm: item"))
    done = recwatch_run(config, "--storage.path", tmp_path / "state")
    assert done.returncode == 2
    assert "itm" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--web.listen-address", "nowhere"], "--web.listen-address nowhere: write host:port"),
        (["--web.external-url", "recwatch"], "recwatch"),
        (["--log.level", "loud"], "loud"),
        (["--log.format", "xml"], "xml"),
        (["--storage", "x"], "No such option"),
    ],
)
def test_a_wrong_option(config: Path, tmp_path: Path, arguments: list[str], what: str) -> None:
    done = recwatch_run(
        config, "--storage.path", tmp_path / "state", "--web.listen-address", "127.0.0.1:0", *arguments
    )
    assert done.returncode == 2
    assert what in done.stderr


def test_a_port_that_is_taken(config: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = recwatch_run(config, "--storage.path", tmp_path / "state", "--web.listen-address", address)
    assert done.returncode == 2
    assert f"cannot listen on {address}: address already in use" in done.stderr


def test_a_state_that_cannot_be_used(config: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.write_text("a file")
    done = recwatch_run(config, "--storage.path", state, "--web.listen-address", "127.0.0.1:0")
    assert done.returncode == 1
    assert f"{state} is not a folder" in done.stderr
