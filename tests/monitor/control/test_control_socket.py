"""Commands through the socket in the state folder: to a daemon that listens, and to none."""

from __future__ import annotations

import json
import os
import socket
import stat
import threading
from pathlib import Path

import pytest

from monitor.control.client import say
from monitor.control.commands import Ack, Command, Drill, Rebase, whoever
from monitor.control.endpoint import address, socket_path
from monitor.control.server import ControlSocket
from monitor.errors import RecwatchError, StoreError, UserError
from monitor.store import StateLock, Store
from tests.monitor.factories import HOUR, NOON, evaluation, incident

ACK = Ack("home-same_item-3f9c1a", "on it")
REBASE = Rebase("home", "surface=email", "same_item", NOON, NOON + HOUR, "new model")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    with Store.open(tmp_path / "state") as store:
        store.record(evaluation(open_incidents=(incident(),)))
    return tmp_path / "state"


class Daemon:
    """Remembers what it was asked."""

    def __init__(self) -> None:
        self.heard: list[tuple[Command, str]] = []

    def __call__(self, command: Command, who: str) -> list[str]:
        self.heard.append((command, who))
        return ["done", "and “well” done"]


@pytest.mark.parametrize("command", [ACK, REBASE, Drill("home", "same_item", None, 900.0)])
def test_a_daemon_that_listens_is_asked(state: Path, command: Command) -> None:
    daemon = Daemon()
    with StateLock(state), ControlSocket(state, daemon):
        assert say(state, command) == ["done", "and “well” done"]
    assert daemon.heard == [(command, whoever())]
    with Store.open(state, read_only=True) as store:
        assert store.acknowledgements() == []  # the command itself wrote nothing


def test_without_a_daemon_it_is_written_at_once(state: Path) -> None:
    [line] = say(state, ACK)
    assert line.startswith(f"acknowledged by {whoever()}: home-same_item-3f9c1a: ")
    with Store.open(state, read_only=True) as store:
        assert [(a.who, a.why) for a in store.acknowledgements()] == [(whoever(), "on it")]


def test_where_no_state_is_none_is_made(tmp_path: Path) -> None:
    with pytest.raises(
        StoreError, match=r"no store at .*nowhere/recwatch.db: nothing was recorded there yet"
    ):
        say(tmp_path / "nowhere", ACK)
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (UserError('there is no incident "a"'), UserError),
        (StoreError("the disk is full"), RecwatchError),
        (ZeroDivisionError("oh"), RecwatchError),
    ],
)
def test_what_the_daemon_says_is_told_as_if_it_had_been_said_here(
    state: Path, error: Exception, kind: type[Exception]
) -> None:
    def handle(command: Command, who: str) -> list[str]:
        raise error

    with ControlSocket(state, handle), pytest.raises(kind) as told:
        say(state, ACK)
    assert str(error) in str(told.value)
    assert isinstance(told.value, UserError) is isinstance(error, UserError)


def test_only_its_user_can_reach_it(state: Path) -> None:
    with ControlSocket(state, Daemon()):
        assert stat.S_IMODE(socket_path(state).stat().st_mode) == 0o600
    assert not socket_path(state).exists()


def test_a_socket_that_a_dead_daemon_left_is_no_daemon(state: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(socket_path(state)))
    left.close()
    assert say(state, ACK)[0].startswith("acknowledged")
    daemon = Daemon()
    with ControlSocket(state, daemon):  # and is replaced by the next one
        assert say(state, ACK)[0] == "done"


def test_a_folder_too_deep_for_an_address(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    with Store.open(deep) as store:
        store.record(evaluation(open_incidents=(incident(),)))
    with ControlSocket(deep, Daemon()):
        assert say(deep, ACK)[0] == "done"
    assert say(deep, ACK)[0].startswith("acknowledged")


def test_something_that_takes_no_commands_holds_the_state(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.control.client.PAUSE", 0.0)
    with StateLock(state), pytest.raises(StoreError) as told:
        say(state, ACK)
    assert f"another recwatch (pid {os.getpid()}, since " in str(told.value)
    assert str(told.value).endswith("stop it or use another --storage.path, or wait until it is done")


def test_a_daemon_that_is_just_starting_is_waited_for(state: Path) -> None:
    daemon = Daemon()
    with StateLock(state):
        listening = ControlSocket(state, daemon)
        later = threading.Timer(0.6, listening.__enter__)
        later.start()
        assert say(state, ACK)[0] == "done"
        later.join()
        listening.__exit__(None, None, None)


def ask(state: Path, line: bytes) -> dict[str, object]:
    with socket.socket(socket.AF_UNIX) as connection:
        with address(state) as where:
            connection.connect(where)
        connection.sendall(line)
        connection.shutdown(socket.SHUT_WR)
        answer: dict[str, object] = json.loads(connection.makefile().readline())
        return answer


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"{}\n",
        b"[1]\n",
        b"\xff\xfe\n",
        b'{"command": "stop", "who": "x"}\n',
        b'{"command": "ack", "who": "x", "incident": "a", "why": "b", "more": 1}\n',
        b'{"command": "rebase", "who": "x", "start": "never"}\n',
        b'{"command": "ack"',
        b"x" * 100_000 + b"\n",
    ],
)
def test_nonsense_is_refused_and_the_next_one_heard(state: Path, line: bytes) -> None:
    daemon = Daemon()
    with ControlSocket(state, daemon):
        answer = ask(state, line)
        assert answer["error"]
        assert answer["lines"] == []
        assert say(state, ACK)[0] == "done"
    assert len(daemon.heard) == 1


def test_whoever_says_nothing_does_not_keep_others_waiting_for_ever(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.control.server.PATIENCE", 0.2)
    with ControlSocket(state, Daemon()), socket.socket(socket.AF_UNIX) as silent:
        with address(state) as where:
            silent.connect(where)
        assert say(state, ACK)[0] == "done"


def test_many_at_a_time_are_all_heard(state: Path) -> None:
    daemon = Daemon()
    with ControlSocket(state, daemon):
        threads = [threading.Thread(target=say, args=(state, Ack(f"i{k}", "x"))) for k in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert {c.incident for c, _ in daemon.heard if isinstance(c, Ack)} == {f"i{k}" for k in range(8)}


def test_a_daemon_that_does_not_answer(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.control.client.PATIENCE", 0.1)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(socket_path(state)))
    listening.listen()
    with listening, pytest.raises(RecwatchError, match=r"the daemon of .*state did not answer \(timed out\)"):
        say(state, ACK)


def test_who_types_is_known_behind_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "ann")
    assert whoever() == f"ann@{socket.gethostname()}"
