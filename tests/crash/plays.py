"""The moves that are played, each from alpha holding the group and beta standing by."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.crash.trial import Crashed

SEAMLESS = 'handover = "seamless"\n'


@dataclass(frozen=True, slots=True)
class Play:
    """`run` begins the move and returns when no more of it is to be begun."""

    run: Callable[[Crashed], None]
    group: str = ""
    overlap: bool = False  # asked for, for a moment
    kills: bool = False  # alpha's daemon, whatever else is killed


def takeover(pair: Crashed) -> None:
    """The host of alpha dies for good; later it comes back."""
    pair.act()
    pair.power_off("alpha")
    pair.until(lambda: "" if "beta" in _holder(pair, "beta") else "not yet")
    pair.run("alpha")


def dead_daemon(pair: Crashed) -> None:
    """Only the daemon of alpha dies, with all that it had started, and comes back at once."""
    pair.act()
    pair.kill("alpha")


def handover(pair: Crashed) -> None:
    """An administrator moves it to beta."""
    pair.act()
    pair.order("alpha", {"do": "handover", "group": "web", "to": "beta"})


def failback(pair: Crashed) -> None:
    """It is with beta, and goes back to the preferred node."""
    pair.order("alpha", {"do": "handover", "group": "web", "to": "beta"})
    assert not (lacking := pair.settles("beta")), lacking
    pair.act()
    pair.order("beta", {"do": "failback", "group": "web"})


def stop(pair: Crashed) -> None:
    """Alpha's daemon is stopped in order, and is started again later."""
    pair.act()
    pair.stop("alpha")
    pair.until(lambda: "" if "beta" in _holder(pair, "beta") else "not yet")
    pair.run("alpha")


def restart(pair: Crashed) -> None:
    """Alpha's daemon is replaced by a new run of itself."""
    pair.act()
    pair.order("alpha", {"do": "restart"})


def veto(pair: Crashed) -> None:
    """Beta's pre_acq refuses what is handed to it, and undoes it."""
    (pair.folder / "veto.beta").touch()
    pair.act()
    pair.order("alpha", {"do": "handover", "group": "web", "to": "beta"})


def _holder(pair: Crashed, node: str) -> str:
    report = pair.report(node)
    return "" if report is None else str(report["groups"]["web"]["holder"])


PLAYS: Mapping[str, Play] = {
    "takeover": Play(takeover, kills=True),
    "dead-daemon": Play(dead_daemon, kills=True),
    "handover": Play(handover),
    "seamless": Play(handover, SEAMLESS, overlap=True),
    "failback": Play(failback),
    "stop": Play(stop),
    "restart": Play(restart),
    "veto": Play(veto),
}
