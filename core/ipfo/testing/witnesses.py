"""`check_witness` and `check_voter`: does a witness keep its contract? Run them in a test of yours.

Both need the real third party, or one that behaves like it. A voter's may be in use: the suite
asks for pairs whose names nobody has, and what it leaves there ends by itself.
"""

import secrets
import select
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from ipfo.clock import now
from ipfo.model import SECOND
from ipfo.plugin import Behind, Claim, Voter, Witness

_TIMEOUT_S: Final = 5.0
_SHORT_S: Final = 0.3
_PATIENCE_S: Final = 30
_MANY: Final = 300
_ROUNDS: Final = 20


def check_witness(reachable: Callable[[], Witness], unreachable: Callable[[], Witness]) -> None:
    """Run every check: on witnesses that can be reached from here, and on ones that cannot.

    :raises AssertionError: with a sentence that says which part of the contract was broken.
    """
    _is_reached_again_and_again(reachable())
    _leaves_nothing_open(reachable(), unreachable())
    _says_why_it_was_not_reached(unreachable())


def check_voter(make: Callable[[], Voter], *, ttl_s: int = 2, patience_s: int = 30) -> None:
    """Run every check on voters from `make`: each call gives one as another node would have it.

    All of them ask the same third party, and none knows anything of the others. `ttl_s` is a time
    that the third party grants as it is, since the suite waits until it is over; `patience_s` is
    how much later the third party may notice that.

    :raises AssertionError: with a sentence that says which part of the contract was broken.
    """
    for check in (
        _keeps_a_claim_for_one_node,
        _keeps_pairs_and_groups_apart,
        _lets_go_of_what_is_withdrawn,
        _refuses_lower_epochs_for_ever,
        _withdraws_nothing_else,
        _ends_what_is_not_prolonged,
        _ends_what_is_claimed_no_more,
        _keeps_many_at_once,
        _grants_a_race_to_one,
    ):
        check(_Booth(make, ttl_s, patience_s))


# -- witnesses that can only deny -------------------------------------------------------------


def _is_reached_again_and_again(witness: Witness) -> None:
    for _ in range(3):
        fault = _raised_by(witness, _TIMEOUT_S)
        assert fault is None, f"reach() of a witness that can be reached raised {fault!r}"


def _leaves_nothing_open(reachable: Witness, unreachable: Witness) -> None:
    for witness, timeout_s in ((reachable, _TIMEOUT_S), (unreachable, 0.02)):
        _raised_by(witness, timeout_s)
        before = _open_descriptors()
        for _ in range(10):
            _raised_by(witness, timeout_s)
        left = _open_descriptors() - before
        assert left <= 0, f"after ten times reach() {left} more descriptors are open"


def _open_descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def _says_why_it_was_not_reached(witness: Witness) -> None:
    for _ in range(2):
        fault = _raised_by(witness, _SHORT_S)
        assert fault is not None, "reach() of a witness that cannot be reached returned"
        assert isinstance(fault, OSError), f"reach() must raise OSError, not {fault!r}"
        assert str(fault).strip(), "the OSError of reach() says nothing for people"
        assert len(str(fault).splitlines()) == 1, f"an error is one line: {str(fault)!r}"


def _raised_by(witness: Witness, timeout_s: float) -> BaseException | None:
    """What `reach` raised, called as the worker calls it: in a thread of its own."""
    raised: list[BaseException | None] = []

    def run() -> None:
        try:
            witness.reach(timeout_s)
        except BaseException as error:
            raised.append(error)
        else:
            raised.append(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(_PATIENCE_S)
    assert raised, f"reach() did not come back within {_PATIENCE_S} s"
    return raised[0]


# -- voters -----------------------------------------------------------------------------------


class _Booth:
    """Two nodes of a pair that nobody else has, and their voters."""

    def __init__(self, make: Callable[[], Voter], ttl_s: int, patience_s: int) -> None:
        self.pair = f"suite-{secrets.token_hex(6)}"
        self.ttl_s = ttl_s
        self.patience_s = patience_s
        self.voters = {node: make() for node in ("alpha", "beta")}

    def claim(self, node: str, epoch: int, group: str = "web", pair: str = "") -> Claim:
        return Claim(pair or self.pair, group, node, epoch)

    def vote(self, *claims: Claim) -> Mapping[str, str | Behind]:
        """What is refused of `claims`, all of which are one node's."""
        (node,) = {claim.node for claim in claims}
        return self.ask(node, claims)

    def ask(self, node: str, claims: Sequence[Claim]) -> Mapping[str, str | Behind]:
        refused = self.voters[node].vote(claims, self.ttl_s, _TIMEOUT_S)
        strange = set(refused) - {claim.group for claim in claims}
        assert not strange, f"vote() refused {sorted(strange)}, which nobody had asked for"
        for group, why in refused.items():
            if isinstance(why, Behind):
                continue
            assert isinstance(why, str), f"the reason for {group} must be a text, not {why!r}"
            assert why.strip(), f"vote() does not say why it refused {group}"
            assert len(why.splitlines()) == 1, f"a reason is one line: {why!r}"
        return refused

    def granted(self, *claims: Claim) -> None:
        refused = self.vote(*claims)
        assert not refused, f"{claims[0]} and what was with it must be kept: {refused}"

    def refused(self, claim: Claim, why: str) -> None:
        assert self.vote(claim), f"{claim} was kept {why}"

    def behind(self, claim: Claim, highest: int) -> None:
        """`claim` is refused for its epoch alone, in the way that ipfo understands."""
        said = self.vote(claim).get(claim.group)
        assert said, f"{claim} was kept though epoch {highest} had been granted before"
        assert said == Behind(highest), f"{claim} must be refused with {Behind(highest)}: {said!r}"

    def withdraw(self, claim: Claim) -> None:
        self.voters[claim.node].withdraw(claim, _TIMEOUT_S)


def _keeps_a_claim_for_one_node(booth: _Booth) -> None:
    booth.granted(booth.claim("alpha", 1))
    booth.refused(booth.claim("beta", 2), "while another node's is")
    booth.granted(booth.claim("alpha", 1))
    booth.granted(booth.claim("alpha", 3))
    booth.refused(booth.claim("beta", 4), "while another node's is, raised to a higher epoch")
    assert booth.voters["alpha"].vote([], booth.ttl_s, _TIMEOUT_S) == {}, "no claims, no refusals"


def _keeps_pairs_and_groups_apart(booth: _Booth) -> None:
    booth.granted(booth.claim("alpha", 5), booth.claim("alpha", 2, "db"))
    booth.granted(booth.claim("beta", 1, pair=f"{booth.pair}-2"))
    refused = booth.vote(booth.claim("beta", 6), booth.claim("beta", 1, "mail"))
    assert set(refused) == {"web"}, f"web is alpha's, mail nobody's, and refused is {refused}"


def _refuses_lower_epochs_for_ever(booth: _Booth) -> None:
    booth.granted(booth.claim("alpha", 7))
    booth.behind(booth.claim("alpha", 6), 7)
    booth.granted(booth.claim("alpha", 7))
    booth.withdraw(booth.claim("alpha", 7))
    for node in ("beta", "alpha"):
        booth.behind(booth.claim(node, 6), 7)
    booth.granted(booth.claim("beta", 10))  # not to be taken for less than 7, as texts would be
    booth.withdraw(booth.claim("beta", 10))
    booth.behind(booth.claim("alpha", 9), 10)


def _lets_go_of_what_is_withdrawn(booth: _Booth) -> None:
    booth.granted(booth.claim("alpha", 1), booth.claim("alpha", 1, "db"))
    booth.withdraw(booth.claim("alpha", 1))
    booth.withdraw(booth.claim("alpha", 1))  # once more changes nothing
    booth.granted(booth.claim("beta", 2))
    booth.refused(booth.claim("beta", 2, "db"), "which was not withdrawn")


def _withdraws_nothing_else(booth: _Booth) -> None:
    booth.granted(booth.claim("alpha", 4))
    booth.withdraw(booth.claim("beta", 4))
    booth.refused(booth.claim("beta", 5), "after the other node had withdrawn what it did not have")
    booth.withdraw(booth.claim("alpha", 3))
    booth.refused(booth.claim("beta", 5), "after an older claim than the one kept was withdrawn")


def _ends_what_is_not_prolonged(booth: _Booth) -> None:
    asked_at = now()
    booth.granted(booth.claim("alpha", 1))
    _until_granted(booth, booth.claim("beta", 2))
    after_s = (now() - asked_at) / SECOND
    assert after_s >= booth.ttl_s, f"a claim for {booth.ttl_s} s was over after {after_s:.2f} s"
    booth.refused(booth.claim("alpha", 1), "after it was over and another's is kept")


def _ends_what_is_claimed_no_more(booth: _Booth) -> None:
    booth.granted(booth.claim("alpha", 1), booth.claim("alpha", 1, "db"))
    _until_granted(booth, booth.claim("beta", 2), meanwhile=booth.claim("alpha", 1, "db"))
    booth.refused(booth.claim("beta", 2, "db"), "though it was prolonged all the time")


def _until_granted(booth: _Booth, claim: Claim, *, meanwhile: Claim | None = None) -> None:
    deadline = now() + (booth.ttl_s + booth.patience_s) * SECOND
    while booth.vote(claim):
        assert now() < deadline, f"{claim} is refused long after what was before it had ended"
        if meanwhile is not None:
            booth.granted(meanwhile)
        select.select([], [], [], 0.05)  # it is a third party's time, and nothing tells its end


def _keeps_many_at_once(booth: _Booth) -> None:
    names = [f"group-{number}" for number in range(_MANY)]
    booth.granted(*(booth.claim("alpha", 1, name) for name in names))
    booth.granted(*(booth.claim("alpha", 1, name) for name in names))
    refused = booth.vote(*(booth.claim("beta", 2, name) for name in names))
    assert set(refused) == set(names), f"{_MANY} are alpha's, and beta got some of them"


def _grants_a_race_to_one(booth: _Booth) -> None:
    barrier = threading.Barrier(2, timeout=_PATIENCE_S)

    def ask(claim: Claim) -> bool:
        barrier.wait()
        return not booth.vote(claim)

    with ThreadPoolExecutor(2) as pool:
        for number in range(_ROUNDS):
            name = f"race-{number}"
            claims = [booth.claim(node, 1, name) for node in ("alpha", "beta")]
            won = list(pool.map(ask, claims))
            assert sum(won) == 1, f"two nodes asked for {name} at once, and {sum(won)} got it"
