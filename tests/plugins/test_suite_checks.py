"""The suite for authors of checks: each breach of the contract is found, and said in a sentence."""

import socket
import sys
import threading

import pytest

from ipfo.testing import check_check


class Well:
    def check(self, _timeout_s: float) -> None:
        pass


class Ill:
    def check(self, _timeout_s: float) -> None:
        raise OSError("the disk is full")


class Hanging:
    """Never gets an answer, and gives up in time."""

    def check(self, timeout_s: float) -> None:
        threading.Event().wait(timeout_s)
        raise TimeoutError(f"no answer within {timeout_s:g} s")


class Hasty(Well):
    """Is well once."""

    def __init__(self) -> None:
        self.times = 0

    def check(self, _timeout_s: float) -> None:
        self.times += 1
        if self.times > 1:
            raise OSError("not again")


class Leaking(Well):
    def __init__(self) -> None:
        self.kept: list[socket.socket] = []

    def check(self, _timeout_s: float) -> None:
        self.kept.append(socket.socket())

    def __del__(self) -> None:
        for sock in self.kept:
            sock.close()


class Breeding(Well):
    """Leaves a thread behind with each run."""

    def __init__(self) -> None:
        self.ended = threading.Event()

    def check(self, _timeout_s: float) -> None:
        threading.Thread(target=self.ended.wait, args=(60,), daemon=True).start()


class Sharing(Well):
    """Remembers for all what one of them has found."""

    found: list[str] = []  # noqa: RUF012 - the fault under test

    def check(self, _timeout_s: float) -> None:
        if self.found:
            raise OSError(self.found[0])


class SharingIll(Ill):
    def check(self, timeout_s: float) -> None:
        Sharing.found.append("the disk is full")
        super().check(timeout_s)


class Leaving(Ill):
    def check(self, _timeout_s: float) -> None:
        sys.exit("as strangers do")


class Mute(Ill):
    def check(self, _timeout_s: float) -> None:
        raise OSError


class Chatty(Ill):
    def check(self, _timeout_s: float) -> None:
        raise OSError("it failed\nand failed")


class Sleepy(Hanging):
    """Takes no notice of its time."""

    def check(self, timeout_s: float) -> None:
        super().check(timeout_s + 6)


class Optimistic(Hanging):
    """Takes silence for health."""

    def check(self, timeout_s: float) -> None:
        threading.Event().wait(timeout_s)


def test_a_check_that_does_as_it_should_passes() -> None:
    check_check(Well, Ill, Hanging)
    check_check(Well, Ill)


@pytest.mark.parametrize(
    ("well", "ill", "hangs", "said"),
    [
        (Ill, Ill, Hanging, "of what is well raised"),
        (Hasty, Ill, Hanging, "of what is well raised"),
        (Leaking, Ill, Hanging, "10 more descriptors are open"),
        (Breeding, Ill, Hanging, "10 more threads run"),
        (Sharing, SharingIll, Hanging, "beside one that is ill"),
        (Well, Well, Hanging, "of what is not well returned"),
        (Well, Leaving, Hanging, "must raise an Exception, not SystemExit"),
        (Well, Mute, Hanging, "says nothing for people"),
        (Well, Chatty, Hanging, "a reason is one line"),
        (Well, Ill, Sleepy, r"was given 0.3 s and took 6"),
        (Well, Ill, Optimistic, "of what is not well returned"),
    ],
)
def test_what_breaks_the_contract_of_a_check_is_said(
    well: type[Well], ill: type[Ill], hangs: type[Hanging], said: str
) -> None:
    with pytest.raises(AssertionError, match=said):
        check_check(well, ill, hangs)
