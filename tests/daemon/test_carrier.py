"""The carrier of interfaces, as the kernel says; real veth cables in a namespace of its own."""

import os
import select
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ipfo.daemon.carrier import Carrier
from ipfo.machine.events import CarrierChanged

CLONE_NEWNET = 0x40000000


@contextmanager
def inside(namespace: str) -> Iterator[None]:
    """This thread's sockets are made in `namespace`."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        assert libc.setns(there, CLONE_NEWNET) == 0
        yield
    finally:
        assert libc.setns(home, CLONE_NEWNET) == 0
        os.close(home)
        os.close(there)


@pytest.fixture
def namespace() -> Iterator[str]:
    name = f"ipfo-carrier-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    yield name
    subprocess.run(["ip", "netns", "delete", name], check=True)


def ip(namespace: str, *arguments: str) -> None:
    subprocess.run(["ip", "-n", namespace, *arguments], check=True)


def news(carrier: Carrier) -> list[CarrierChanged]:
    """The next change, waiting for the kernel to say that there is one."""
    for _ in range(50):
        fileno = carrier.fileno()
        assert fileno is not None
        if not select.select([fileno], [], [], 5)[0]:
            return []
        changes = carrier.changes()
        if changes:
            return changes
    return []


def test_an_interface_that_is_not_there_is_down() -> None:
    carrier = Carrier(["nosuch0"])
    if not Path("/proc/net").exists():
        pytest.skip("needs Linux")
    assert carrier.changes() == [CarrierChanged("nosuch0", up=False)]
    assert carrier.changes() == []
    assert carrier.state() == {"nosuch0": False}
    carrier.close()


def test_without_interfaces_there_is_nothing_to_watch() -> None:
    carrier = Carrier([])
    assert carrier.fileno() is None
    assert carrier.changes() == []
    carrier.close()


@pytest.mark.root
def test_a_pulled_cable_a_plugged_one_and_an_interface_that_goes(namespace: str) -> None:
    ip(namespace, "link", "add", "en0", "type", "veth", "peer", "name", "port")
    ip(namespace, "link", "set", "en0", "up")
    with inside(namespace):
        carrier = Carrier(["en0"])
    assert carrier.changes() == [CarrierChanged("en0", up=False)]
    ip(namespace, "link", "set", "port", "up")
    assert news(carrier) == [CarrierChanged("en0", up=True)]
    ip(namespace, "link", "set", "port", "down")
    assert news(carrier) == [CarrierChanged("en0", up=False)]
    ip(namespace, "link", "set", "port", "up")
    assert news(carrier) == [CarrierChanged("en0", up=True)]
    ip(namespace, "link", "delete", "en0")
    assert news(carrier) == [CarrierChanged("en0", up=False)]
    carrier.close()
