"""What the machine is told of each unit at a start, by the ledger and by what was adopted."""

import pytest
from tests.daemon.paper import document

from ipfo.config.model import Config
from ipfo.daemon.life import remembered
from ipfo.machine.step import Remembered
from ipfo.model import Epoch, Instant, Phase
from ipfo.workers.ledger import GroupMemory, Memory

CONFIG = Config.from_document(
    document(groups={"web": {}, "db": {"unit": "web"}, "log": {"unit": "web", "phase_plugins": []}})
)
PRE, POST = Phase.PRE_ACQ, Phase.POST_ACQ
SINCE = Instant(77)


def known(*phases: Phase, epoch: int = 5, claim: int = 5) -> GroupMemory:
    return GroupMemory(Epoch(epoch), Epoch(claim), held=True, leased=True, open_phases=phases)


def of(adopted: bool, **groups: GroupMemory) -> Remembered:
    past = remembered(Memory(groups), CONFIG, {"web": SINCE} if adopted else {})
    assert list(past) == ["web"], "a unit is one group to the machine"
    return past["web"]


def test_of_what_nobody_knows_nothing_is_remembered() -> None:
    assert of(False) == Remembered()


def test_what_any_member_has_begun_is_to_be_undone() -> None:
    """P5: an earlier run may have ended between two members."""
    past = of(False, web=known(PRE), db=known(), log=known())
    assert (past.pre_acq, past.post_acq, past.adopted) == (True, False, None)


@pytest.mark.parametrize(
    ("db", "post_acq"), [((PRE, POST), True), ((PRE,), False)], ids=["both", "one of them"]
)
def test_post_acq_has_begun_for_what_is_adopted_if_it_has_for_all(
    db: tuple[Phase, ...], post_acq: bool
) -> None:
    """Better twice for one of them than never for the other; `log` takes no part in phases."""
    past = of(True, web=known(PRE, POST), db=known(*db), log=known())
    assert (past.pre_acq, past.post_acq, past.adopted) == (True, post_acq, SINCE)


def test_p4_what_is_adopted_keeps_its_claim_and_no_epoch_that_was_heard_is_forgotten() -> None:
    """The peer may have claimed it since, and not have got it."""
    past = of(True, web=known(PRE, POST, epoch=6, claim=5), db=known(PRE, POST, epoch=4, claim=5))
    assert (past.claim, past.epoch) == (5, 6)
    assert of(False, web=known(epoch=6, claim=5)).claim is None


def test_without_phases_none_has_begun() -> None:
    config = Config.from_document(document(groups={"web": {"phase_plugins": []}}))
    past = remembered(Memory({"web": known()}), config, {"web": SINCE})["web"]
    assert (past.pre_acq, past.post_acq, past.claim) == (False, False, 5)
