"""Signals, as a process of its own hears them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from monitor.daemon.wake import Signals, Wake


def test_a_wake_is_set_often_and_cleared_once() -> None:
    wake = Wake()
    assert not wake.wait(0)
    for _ in range(100_000):  # more than a pipe holds
        wake.set()
    assert wake.wait(None)
    wake.clear()
    assert not wake.wait(0)
    wake.close()


def test_a_storm_of_hangups_is_one_reload() -> None:
    before = (
        signal.getsignal(signal.SIGHUP),
        signal.getsignal(signal.SIGTERM),
        signal.getsignal(signal.SIGINT),
    )
    signals = Signals()
    try:
        signals.install()
        for _ in range(1000):
            os.kill(os.getpid(), signal.SIGHUP)
        assert signals.wake.wait(60)
        assert signals.take_reload()
        assert not signals.take_reload()
        assert not signals.stop
        os.kill(os.getpid(), signal.SIGTERM)
        assert signals.wake.wait(60)
        assert signals.stop
    finally:
        for number, handler in zip((signal.SIGHUP, signal.SIGTERM, signal.SIGINT), before, strict=True):
            signal.signal(number, handler)
        signals.wake.close()


NEVER_ENDS = """
import time
from monitor.daemon.wake import Signals
signals = Signals()
signals.install()
print("ready", flush=True)
while True:
    time.sleep(0.05)
    if signals.stop:
        print("asked to stop", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_second_signal_ends_it_at_once(number: int) -> None:
    with subprocess.Popen([sys.executable, "-c", NEVER_ENDS], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.stdout.readline() == "asked to stop\n"
        process.send_signal(number)
        assert process.wait(60) == 0
