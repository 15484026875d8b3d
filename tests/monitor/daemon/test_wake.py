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
        signal.set_wakeup_fd(-1)
        signals.wake.close()


GIVEN_TO_ANOTHER_THREAD = """
import signal, threading, time
from monitor.daemon.wake import Signals
signals = Signals()
signals.install()
waits = threading.Event()
def get_it():
    waits.wait()
    time.sleep(0.2)  # until the main thread waits, too
    signal.pthread_kill(threading.get_ident(), signal.SIGHUP)
    time.sleep(60)
threading.Thread(target=get_it, daemon=True).start()
waits.set()
print(signals.wake.wait(50), signals.take_reload())
"""


def test_a_signal_that_the_system_gives_to_another_thread_is_heard() -> None:
    done = subprocess.run([sys.executable, "-c", GIVEN_TO_ANOTHER_THREAD], capture_output=True, text=True)
    assert done.stdout == "True True\n", done.stderr


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
