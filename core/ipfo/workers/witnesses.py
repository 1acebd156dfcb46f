"""The `witnesses` worker: asks third parties who is the isolated one, and who may hold a group.

No request waits for another: a vote must not wait for a ping that hangs. One witness is never asked
twice at once, and neither is the voter; a vote that would come too late is not asked for.
"""

import threading
from dataclasses import dataclass
from typing import Any, cast

from ipfo import clock
from ipfo.config.model import Config
from ipfo.model import SECOND
from ipfo.plugin.contracts import Behind, Claim, Voter, Witness
from ipfo.plugin.registry import Registry
from ipfo.workers import child, chosen, ledger, rights
from ipfo.workers.named import numbered

Asked = dict[str, Any]

HUNG_NS = 60 * SECOND
"""A witness that has not come back for so long after its time is ended, with this whole process:
by then that costs the voter a few tenths of a second once a minute, and no more."""


def left_s(ends_at: int) -> float:
    """Seconds until `ends_at`.

    :raises TimeoutError: if there are none left.
    """
    left_ns = ends_at - clock.now()
    if left_ns <= 0:
        raise TimeoutError("asked too late; nothing was done")
    return left_ns / SECOND


@dataclass(slots=True)
class Question:
    """One asking of one witness; `why` it was not reached, as long as it was not."""

    name: str
    ends_at: int
    reached: bool = False
    under_way: bool = True
    why: str = "did not answer in time"


class Denier:
    """A witness that can only deny, and its last question: asked again when that has come back."""

    def __init__(self, name: str, witness: Witness, news: threading.Condition) -> None:
        self._name = name
        self._witness = witness
        self._news = news
        self._last: Question | None = None

    def ask(self, ends_at: int) -> Question:
        """The question that is under way until `ends_at`, or an earlier one that still is.

        `news` is held, and told of when it has come back.
        """
        if self._last is None or not self._last.under_way:
            self._last = Question(self._name, ends_at)
            threading.Thread(target=self._reach, args=(self._last,), daemon=True).start()
        return self._last

    def _reach(self, question: Question) -> None:
        try:
            self._witness.reach(left_s(question.ends_at))
            why = ""
        except BaseException as error:  # a plugin's sys.exit() is no answer either
            why = child.one_line(error)
        with self._news:
            question.under_way, question.reached, question.why = False, not why, why
            self._news.notify_all()


class Witnesses:
    """The witnesses of `config`, built. Its methods may be called from several threads at once."""

    def __init__(self, config: Config, door: child.Door) -> None:
        self._door = door
        self._node = config.node
        self._pair = config.pair
        self._news = threading.Condition()
        offers = chosen.offers(config, [w.plugin for w in config.witnesses], Registry.witnesses)
        self._deniers: list[Denier] = []
        self._voter: Voter | None = None
        self._voting = threading.Lock()
        names = numbered([witness.plugin for witness in config.witnesses])
        for name, witness in zip(names, config.witnesses, strict=True):
            built = chosen.built(offers[witness.plugin], witness.options, config.node)
            if witness.votes:
                self._voter = cast("Voter", built)  # its offer said so
            else:
                self._deniers.append(Denier(name, cast("Witness", built), self._news))

    def reach(self, given: Asked) -> Asked:
        """Whether any witness that can deny is `reached`, as soon as one is; else `why` not."""
        ends_at = clock.now() + given["timeout_ns"]
        with self._news:
            questions = [denier.ask(ends_at) for denier in self._deniers]
            self._news.wait_for(
                lambda: (
                    any(each.reached for each in questions)
                    or not any(each.under_way for each in questions)
                ),
                given["timeout_ns"] / SECOND,
            )
            reached = any(each.reached for each in questions)
            why = "; ".join(f"{each.name}: {each.why}" for each in questions)
        for each in questions:
            if each.under_way and clock.now() > each.ends_at + HUNG_NS:
                self._door.give_up(f"witness {each.name} never came back from being asked")
        return {"reached": reached, "why": "" if reached else why}

    def vote(self, given: Asked) -> Asked:
        """What of `claims` (pairs of group and epoch) is kept for this node for `ttl_s` from now.

        `denied`: why the others are not; `behind`: the highest epoch, where that alone is why.
        """
        claims = [self._claim(group, epoch) for group, epoch in given["claims"]]
        ends_at = given["asked_at"] + given["timeout_ns"]
        voter = self._its_turn(ends_at)
        try:
            refused = voter.vote(claims, given["ttl_s"], left_s(ends_at))
            denied = {c.group: _in_words(c, refused[c.group]) for c in claims if c.group in refused}
        finally:
            self._voting.release()
        behind = {
            group: why.highest
            for group, why in refused.items()
            if isinstance(why, Behind) and ledger.is_epoch(why.highest + 1)  # it is to be claimed
        }
        granted = [c.group for c in claims if c.group not in denied]
        return {"granted": granted, "denied": denied, "behind": behind}

    def withdraw(self, given: Asked) -> Asked:
        """The claim of `group` under `epoch` is not kept for this node any more."""
        ends_at = given["asked_at"] + given["timeout_ns"]
        voter = self._its_turn(ends_at)
        try:
            voter.withdraw(self._claim(given["group"], given["epoch"]), left_s(ends_at))
        finally:
            self._voting.release()
        return {}

    def _its_turn(self, ends_at: int) -> Voter:
        """The voter, for this thread alone until it releases `_voting`."""
        if self._voter is None:
            raise LookupError("no witness of the config votes")
        if not self._voting.acquire(timeout=left_s(ends_at)):
            raise TimeoutError("the voter has not come back from an earlier question")
        return self._voter

    def _claim(self, group: str, epoch: int) -> Claim:
        return Claim(self._pair, group, self._node, epoch)


def _in_words(claim: Claim, why: str | Behind) -> str:
    if isinstance(why, Behind):
        return f"epoch {claim.epoch} is below {why.highest}, the highest that was ever granted"
    return str(why)


def main() -> None:
    """Serve the engine until it ends."""
    rights.keep(rights.PINGS)
    door = child.Door.inherited()
    handlers: dict[str, child.Handler] = {}

    def setup(given: Asked) -> Asked:
        config = Config.from_document({**given["document"], "node": given["node"]})
        made = Witnesses(config, door)
        handlers.update(reach=made.reach, vote=made.vote, withdraw=made.withdraw)
        return {}

    handlers["setup"] = setup
    child.serve_at_once(handlers, door)


if __name__ == "__main__":
    main()
