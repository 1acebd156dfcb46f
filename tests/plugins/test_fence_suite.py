"""The suite for authors of fences: each breach of the contract is found, and said in a sentence."""

import socket
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from ipfo.plugin import Fence
from ipfo.testing import check_fence

Make = Callable[["Power"], Fence]


@dataclass
class Power:
    """Which nodes are off, and the descriptors that a fence has left open."""

    off: set[str] = field(default_factory=set)
    open: list[socket.socket] = field(default_factory=list)


@dataclass
class Switch:
    """A fence as it should be."""

    power: Power

    def fence(self, node: str, _timeout_s: float) -> None:
        self.power.off.add(node)


class Dead(Switch):
    """Asks something that never answers, and knows when to stop."""

    def fence(self, _node: str, timeout_s: float) -> None:
        raise TimeoutError(f"no answer within {timeout_s:g} s")


class Hopeful(Switch):
    """Takes an order given for one carried out."""

    def fence(self, _node: str, _timeout_s: float) -> None:
        pass


class Thorough(Switch):
    def fence(self, _node: str, _timeout_s: float) -> None:
        self.power.off |= {"alpha", "beta"}


class Fixed(Switch):
    """Always shoots the same."""

    def fence(self, _node: str, _timeout_s: float) -> None:
        self.power.off.add("alpha")


class Once(Switch):
    """Knows no more what to do with a node that is off already."""

    def fence(self, node: str, _timeout_s: float) -> None:
        if node in self.power.off:
            raise LookupError(f"{node} is not on")
        self.power.off.add(node)


class Leaking(Switch):
    def fence(self, node: str, _timeout_s: float) -> None:
        self.power.open.append(socket.socket())
        self.power.off.add(node)


class LeakingWhenLate(Dead):
    def fence(self, node: str, timeout_s: float) -> None:
        self.power.open.append(socket.socket())
        super().fence(node, timeout_s)


class Mute(Switch):
    def fence(self, _node: str, _timeout_s: float) -> None:
        raise OSError


class Chatty(Switch):
    def fence(self, _node: str, _timeout_s: float) -> None:
        raise OSError("it failed\nand failed")


class Final(Switch):
    """Ends its worker instead of saying why."""

    def fence(self, _node: str, _timeout_s: float) -> None:
        raise SystemExit("no answer")


class Yielding(Switch):
    """Fails, and the second time thinks that it has done it."""

    def __init__(self, power: Power) -> None:
        super().__init__(power)
        self.times = 0

    def fence(self, _node: str, _timeout_s: float) -> None:
        self.times += 1
        if self.times == 1:
            raise OSError("no answer")


class Patient(Switch):
    """Has its own idea of how long it may take."""

    def fence(self, _node: str, _timeout_s: float) -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.settimeout(6)
            ours.recv(1)  # nobody sends anything: TimeoutError


def check(works: Make, fails: Make, hangs: Make) -> None:
    power = Power()
    try:
        check_fence(
            lambda: works(power),
            lambda: fails(power),
            lambda: hangs(power),
            power.off.__contains__,
            power.off.discard,
        )
    finally:
        for sock in power.open:
            sock.close()


def test_a_fence_that_does_as_it_should_passes() -> None:
    check(Switch, Dead, Dead)


@pytest.mark.parametrize(
    ("works", "fails", "hangs", "said"),
    [
        (Hopeful, Dead, Dead, r"fence\('alpha'\) returned, and alpha is on"),
        (Thorough, Dead, Dead, r"fence\('alpha'\) has switched beta off"),
        (Fixed, Dead, Dead, r"fence\('beta'\) returned, and beta is on"),
        (Once, Dead, Dead, "raised a second time, when it was off already"),
        (Dead, Dead, Dead, "which can be done, raised: "),
        (Leaking, Dead, Dead, "3 more descriptors are open"),
        (Switch, Dead, LeakingWhenLate, "3 more descriptors are open"),
        (Switch, Hopeful, Dead, "nothing can have been switched off"),
        (Switch, Yielding, Dead, "nothing can have been switched off"),
        (Switch, Mute, Dead, "says nothing for people"),
        (Switch, Chatty, Dead, "an error is one line"),
        (Switch, Final, Dead, "must raise an Exception, not SystemExit"),
        (Switch, Dead, Hopeful, "nothing can have been switched off"),
    ],
)
def test_what_breaks_the_contract_is_said(works: Make, fails: Make, hangs: Make, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check(works, fails, hangs)


def test_one_that_does_not_keep_its_time_is_found() -> None:
    with pytest.raises(AssertionError, match=r"was given 0\.5 s and took 6"):
        check(Switch, Dead, Patient)


def test_a_power_switch_that_does_not_switch_on_is_no_test() -> None:
    with pytest.raises(AssertionError, match="is_off says that it is off"):
        check_fence(
            lambda: Switch(Power()),
            lambda: Dead(Power()),
            lambda: Dead(Power()),
            lambda _: True,
            lambda _: None,
        )
