"""The suites for authors of witnesses: each breach of a contract is found, and said in a sentence."""

import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from ipfo.model import SECOND
from ipfo.plugin import Behind, Claim, Voter, now
from ipfo.testing import check_voter, check_witness


class Near:
    def reach(self, _timeout_s: float) -> None:
        pass


class Far:
    def reach(self, _timeout_s: float) -> None:
        raise OSError("192.0.2.1 does not answer")


class Hasty(Near):
    """Can be reached once."""

    def __init__(self) -> None:
        self.times = 0

    def reach(self, _timeout_s: float) -> None:
        self.times += 1
        if self.times > 1:
            raise OSError("not again")


class Leaking(Near):
    def __init__(self) -> None:
        self.kept: list[socket.socket] = []

    def reach(self, _timeout_s: float) -> None:
        self.kept.append(socket.socket())

    def __del__(self) -> None:
        for sock in self.kept:
            sock.close()


class Odd(Far):
    def reach(self, _timeout_s: float) -> None:
        raise LookupError("no such host")


class Mute(Far):
    def reach(self, _timeout_s: float) -> None:
        raise OSError


class Chatty(Far):
    def reach(self, _timeout_s: float) -> None:
        raise OSError("it failed\nand failed")


def test_witnesses_that_do_as_they_should_pass() -> None:
    check_witness(Near, Far)


@pytest.mark.parametrize(
    ("near", "far", "said"),
    [
        (Far, Far, "that can be reached raised"),
        (Hasty, Far, "that can be reached raised"),
        (Leaking, Far, "10 more descriptors are open"),
        (Near, Near, "that cannot be reached returned"),
        (Near, Odd, "must raise OSError, not LookupError"),
        (Near, Mute, "says nothing for people"),
        (Near, Chatty, "an error is one line"),
    ],
)
def test_what_breaks_the_contract_of_a_witness_is_said(
    near: type[Near], far: type[Far], said: str
) -> None:
    with pytest.raises(AssertionError, match=said):
        check_witness(near, far)


@dataclass
class Store:
    """The third party: who has what until when, and the highest epoch of each group."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    kept: dict[tuple[str, str], tuple[Claim, int]] = field(default_factory=dict)
    highest: dict[tuple[str, str], int] = field(default_factory=dict)


class InMemory:
    """A voter as it should be."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def vote(
        self, claims: Sequence[Claim], ttl_s: int, _timeout_s: float
    ) -> Mapping[str, str | Behind]:
        with self.store.lock:
            said = {claim.group: self.one(claim, ttl_s) for claim in claims}
        return {group: why for group, why in said.items() if why is not None}

    def one(self, claim: Claim, ttl_s: int) -> str | Behind | None:
        place = self.place(claim)
        holder, until = self.store.kept.get(place, (claim, 0))
        if holder.node != claim.node and now() < until:
            return f"kept for {holder.node}"
        if claim.epoch < self.store.highest.get(place, 0):
            return Behind(self.store.highest[place])
        self.store.highest[place] = claim.epoch
        self.store.kept[place] = claim, now() + ttl_s * SECOND
        return None

    def place(self, claim: Claim) -> tuple[str, str]:
        return claim.pair, claim.group

    def withdraw(self, claim: Claim, _timeout_s: float) -> None:
        with self.store.lock:
            holder, _ = self.store.kept.get(self.place(claim), (None, 0))
            if holder == claim:
                del self.store.kept[self.place(claim)]


class Generous(InMemory):
    """Grants whatever is asked for."""

    def one(self, claim: Claim, ttl_s: int) -> str | Behind | None:
        self.store.kept.clear()
        return super().one(claim, ttl_s)


class Confusing(InMemory):
    """Takes one pair for another."""

    def place(self, claim: Claim) -> tuple[str, str]:
        return "", claim.group


class Forgetful(InMemory):
    """Forgets the epoch with the claim."""

    def withdraw(self, claim: Claim, timeout_s: float) -> None:
        super().withdraw(claim, timeout_s)
        self.store.highest.pop(self.place(claim), None)


class Textual(InMemory):
    """Compares epochs as texts: 9 is more than 10."""

    def one(self, claim: Claim, ttl_s: int) -> str | Behind | None:
        highest = self.store.highest.pop(self.place(claim), 0)
        if str(claim.epoch) < str(highest):
            self.store.highest[self.place(claim)] = highest
            return Behind(highest)
        return super().one(claim, ttl_s)


class Wordy(InMemory):
    """Tells people of the higher epoch, and not ipfo."""

    def one(self, claim: Claim, ttl_s: int) -> str | Behind | None:
        why = super().one(claim, ttl_s)
        return "a higher epoch was granted before" if isinstance(why, Behind) else why


class Clinging(InMemory):
    def withdraw(self, _claim: Claim, _timeout_s: float) -> None:
        pass


class Ruthless(InMemory):
    """Withdraws whatever is kept."""

    def withdraw(self, claim: Claim, _timeout_s: float) -> None:
        with self.store.lock:
            self.store.kept.pop(self.place(claim), None)


class Late(InMemory):
    """Withdraws what is newer, too."""

    def withdraw(self, claim: Claim, _timeout_s: float) -> None:
        with self.store.lock:
            holder, _ = self.store.kept.get(self.place(claim), (claim, 0))
            if holder.node == claim.node:
                self.store.kept.pop(self.place(claim), None)


class Brief(InMemory):
    """Keeps for half as long as was asked for."""

    def one(self, claim: Claim, ttl_s: int) -> str | Behind | None:
        why = super().one(claim, ttl_s)
        if why is None:
            self.store.kept[self.place(claim)] = claim, now() + ttl_s * SECOND // 2
        return why


class Prolonging(InMemory):
    """Prolongs all that is its node's, whether it is claimed or not: one lease for everything."""

    def vote(
        self, claims: Sequence[Claim], ttl_s: int, timeout_s: float
    ) -> Mapping[str, str | Behind]:
        with self.store.lock:
            for place, (holder, until) in self.store.kept.items():
                if claims and holder.node == claims[0].node and now() < until:
                    self.store.kept[place] = holder, now() + ttl_s * SECOND
        return super().vote(claims, ttl_s, timeout_s)


class Limited(InMemory):
    """Takes 128 at once."""

    def vote(
        self, claims: Sequence[Claim], ttl_s: int, timeout_s: float
    ) -> Mapping[str, str | Behind]:
        return super().vote(claims[:128], ttl_s, timeout_s)


class Careless(InMemory):
    """Looks first and writes later, and does not hold the store meanwhile."""

    looked = threading.Barrier(2, timeout=20)

    def vote(
        self, claims: Sequence[Claim], ttl_s: int, timeout_s: float
    ) -> Mapping[str, str | Behind]:
        if not any(claim.group.startswith("race") for claim in claims):
            return super().vote(claims, ttl_s, timeout_s)
        free = [claim for claim in claims if self.place(claim) not in self.store.kept]
        self.looked.wait()  # as chance would have it, sooner or later
        self.store.kept |= {self.place(claim): (claim, now() + SECOND) for claim in free}
        return {claim.group: "taken" for claim in claims if claim not in free}


class Silent(InMemory):
    def one(self, claim: Claim, ttl_s: int) -> str | Behind | None:
        why = super().one(claim, ttl_s)
        return None if why is None else ""


class Meddling(InMemory):
    def vote(
        self, claims: Sequence[Claim], ttl_s: int, timeout_s: float
    ) -> Mapping[str, str | Behind]:
        return {"mail": "full", **super().vote(claims, ttl_s, timeout_s)}


def booth(kind: type[InMemory]) -> Callable[[], Voter]:
    store = Store()
    return lambda: kind(store)


def test_a_voter_in_memory_passes() -> None:
    check_voter(booth(InMemory), ttl_s=1)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Generous, "was kept while another node's is"),
        (Confusing, "must be kept"),
        (Forgetful, "though epoch 7 had been granted before"),
        (Textual, "must be kept"),
        (Wordy, r"must be refused with Behind\(highest=7\)"),
        (Clinging, "must be kept"),
        (Ruthless, "had withdrawn what it did not have"),
        (Late, "after an older claim"),
        (Brief, "was over after"),
        (Limited, "beta got some of them"),
        (Careless, "asked for race-0 at once, and 2 got it"),
        (Silent, "does not say why it refused web"),
        (Meddling, r"refused \['mail'\], which nobody had asked for"),
    ],
)
def test_what_breaks_the_contract_of_a_voter_is_said(kind: type[InMemory], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_voter(booth(kind), ttl_s=1)


def test_a_voter_that_prolongs_what_nobody_claims_is_found() -> None:
    with pytest.raises(AssertionError, match="refused long after"):
        check_voter(booth(Prolonging), ttl_s=1, patience_s=1)
