"""Signals come in as events; the service manager hears when the node is ready and when it ends."""

import os
import select
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ipfo.daemon.log import Log
from ipfo.daemon.signals import EndNowError, Signals, Watchdog, tell_manager
from ipfo.machine.events import StopAsked


@pytest.fixture
def signals() -> Iterator[Signals]:
    reading, writing = os.pipe()
    log = Log("ipfo", writing)
    signals = Signals(log)
    yield signals
    signals.close()
    log.close()
    os.close(reading)
    os.close(writing)


def raised(signals: Signals, number: signal.Signals) -> None:
    os.kill(os.getpid(), number)
    assert select.select([signals.fileno()], [], [], 5)[0]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_order_to_end_is_an_event_and_the_second_ends(
    signals: Signals, number: signal.Signals
) -> None:
    raised(signals, number)
    assert signals.take() == [StopAsked()]
    assert signals.take() == []
    raised(signals, signal.SIGTERM)
    with pytest.raises(EndNowError):
        signals.take()


def test_a_hangup_is_no_event_for_the_machine_and_begins_a_reload(signals: Signals) -> None:
    begun: list[bool] = []
    signals.at_hangup(lambda: begun.append(True))
    assert begun == []
    raised(signals, signal.SIGHUP)
    assert signals.take() == []
    assert begun == [True]


def test_a_hangup_during_the_start_is_seen_to_after_it(signals: Signals) -> None:
    """The file may be another by then than the one that was loaded."""
    begun: list[bool] = []
    raised(signals, signal.SIGHUP)
    assert signals.take() == []
    signals.at_hangup(lambda: begun.append(True))
    assert begun == [True]


def test_afterwards_signals_do_what_they_did_before() -> None:
    before = signal.getsignal(signal.SIGTERM)
    log = Log("ipfo", os.open(os.devnull, os.O_WRONLY))
    signals = Signals(log)
    assert signal.getsignal(signal.SIGTERM) is not before
    signals.close()
    log.close()
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_manager_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        tell_manager("READY=1")
        assert manager.recv(100) == b"READY=1"
    tell_manager("STOPPING=1")  # it is gone: no harm
    monkeypatch.setenv("NOTIFY_SOCKET", "vsock:2:1234")
    tell_manager("READY=1")  # not a kind that ipfo speaks


def test_a_watchdog_that_means_another_process_is_not_fed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "3000000")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid() + 1))
        Watchdog().feed(10**9)
        with pytest.raises(BlockingIOError):
            manager.recv(100)
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
        watchdog = Watchdog()
        for ms in (1_000, 1_999, 2_000, 2_500, 3_100):
            watchdog.feed(ms * 10**6)
        assert [manager.recv(100) for _ in range(3)] == [b"WATCHDOG=1"] * 3
        with pytest.raises(BlockingIOError):
            manager.recv(100)
