"""A pair at work in a lab: two daemons, a client that asks, and a watch over who has the address.

The demo, the host tests and the benchmarks all look at this one scene; they differ in what they do
to it.
"""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ipfo import clock
from ipfo.model import SECOND
from ipfo.testing import processes
from ipfo.testing.asking import Asking
from ipfo.testing.lab import HOSTS, PRIVATE, PUBLIC, Lab
from ipfo.testing.pair import LOOK_EVERY_S, Pair, Status
from ipfo.testing.watch import Watch

SERVICE = PUBLIC.numbered("100")
SERVICE_6 = PUBLIC.numbered("100", 6)

PATIENCE_S = 30.0
"""How long anything may take on a machine that is busy with other things."""

LINKS = f"""\
[links.public]
transport = "udp"
addresses = {{ alpha = "{PUBLIC.address("alpha")}", beta = "{PUBLIC.address("beta")}" }}

[links.private]
transport = "udp"
addresses = {{ alpha = "{PRIVATE.address("alpha")}", beta = "{PRIVATE.address("beta")}" }}
"""

WEB = f"""\
[groups.web]
addresses = ["{SERVICE}/24"]
interface = "{PUBLIC.interface}"
provider = "ip"
"""


def pair_file(
    *,
    interval: str = "1s",
    takeover_after: str = "3s",
    links: str = LINKS,
    groups: str = WEB,
    more: str = "",
) -> str:
    """The text of a pair.toml for the lab; each part can be another."""
    return f"""\
[pair]
name = "lab"
nodes = ["alpha", "beta"]
interval = "{interval}"
takeover_after = "{takeover_after}"
key_file = "pair.key"

{links}
{groups}
{more}"""


@dataclass(frozen=True, slots=True)
class Scene:
    """What there is to act on, and to look at."""

    lab: Lab
    pair: Pair
    watch: Watch
    client: Asking
    addresses: tuple[str, ...]

    def begin(self, holder: str = "alpha", *nodes: str) -> None:
        """Start the daemons (of `nodes`: all) and wait until `holder` answers at every address."""
        self.pair.start(*(nodes or HOSTS))
        for node in nodes or HOSTS:
            self.status(node)  # where a daemon refuses to start, its log says why
        for address in self.addresses:
            self.answered_by(holder, address)
        self.client.report()

    def answered_by(self, host: str, address: str | None = None) -> None:
        """Wait until `host` is the one that answers the client, at `address` or the only one."""
        self.client.answered_by(host, PATIENCE_S, address or self.addresses[0])

    def whole(self, *, holder: str) -> None:
        """Wait until both nodes hear each other on all links and agree that `holder` holds all."""
        name = self.pair.names.get(holder, holder)
        for node in HOSTS:
            self.pair.wait_for(
                node,
                lambda status: (
                    links_up(status)
                    and all(group["holder"] == name for group in status["groups"].values())
                ),
                PATIENCE_S,
            )

    def agreed(self) -> str:
        """Wait until both nodes hear each other on all links and agree on one holder; which host.

        :raises AssertionError: where they have not after `PATIENCE_S`.
        """
        hosts = {self.pair.names.get(host, host): host for host in HOSTS}
        deadline = clock.now() + int(PATIENCE_S * SECOND)
        while True:
            alpha, beta = (
                _only_holder(self.pair.wait_for(node, links_up, PATIENCE_S)) for node in HOSTS
            )
            if alpha is not None and alpha == beta:
                return hosts[alpha]
            assert clock.now() < deadline, f"alpha says that {alpha} holds, beta that {beta}"
            self.rest(LOOK_EVERY_S)

    def rest(self, seconds: float) -> None:
        """Nothing is done for so long, where it matters that nothing happens either.

        :raises AssertionError: where a daemon ends meanwhile.
        """
        deadline = clock.now() + int(seconds * SECOND)
        for node, daemon in self.pair.daemons.items():
            ended = processes.wait(daemon, max(0, deadline - clock.now()) / SECOND)
            assert not ended, f"{node} ended: {daemon.returncode}\n{self.pair.log(node)}"

    def status(self, node: str) -> Status:
        """What `node` says of itself now."""
        return self.pair.wait_for(node, lambda _: True, PATIENCE_S)

    def moved(self, source: str, target: str) -> int:
        """The address went from `source` to `target` since the last report; what that lost."""
        report = self.report()
        hosts = [stay["host"] for stay in report["hosts"]]
        assert hosts == [source, target], report
        lost: int = report["lost"]
        return lost

    def told(self, node: str, event: str, about: str) -> str:
        """Wait until `node` has told people of `event`; the headline, in which `about` stands."""
        return self.pair.wait_for_line(node, rf"^.*{event}: (.*\b{about}\b.*)$", PATIENCE_S)

    def report(self) -> dict[str, Any]:
        """What the client lost since the last report, at the only address."""
        report: dict[str, Any] = self.client.report()[self.addresses[0]]
        return report


@contextmanager
def scene(
    lab: Lab,
    folder: Path,
    text: str,
    *addresses: str,
    rate: int = 1000,
    names: Mapping[str, str] | None = None,
) -> Iterator[Scene]:
    """A pair with `text` as its file; nothing of it runs afterwards, the lab is whole again.

    The client asks `addresses` (without any: `SERVICE`) from the beginning. `names`: see `Pair`.
    """
    asked = addresses or (SERVICE,)
    write_pair(folder, text)
    for host in HOSTS:
        lab.start_echo(host)
    pair = Pair(lab, folder, folder / "pair.toml", names)
    try:
        with lab.watching(*asked) as watch, lab.asking(*asked, rate=rate) as client:
            yield Scene(lab, pair, watch, client, asked)
    finally:
        pair.end()
        lab.reset()


def write_pair(folder: Path, text: str) -> None:
    """``pair.toml`` and its key, as they would lie on both hosts."""
    (folder / "pair.toml").write_text(text)
    key = folder / "pair.key"
    key.touch(mode=0o600)
    key.write_bytes(secrets.token_bytes(32))


def _only_holder(status: Status) -> str | None:
    """Who holds all groups; None where nobody or not one alone does."""
    holders = {group["holder"] for group in status["groups"].values()}
    only: str | None = holders.pop() if len(holders) == 1 else None
    return only


def links_up(status: Status) -> bool:
    """Whether every link works in both directions and has been measured."""
    return all(
        link["state"] == "up" and link["peer_hears"] and link["rtt_ms"] is not None
        for link in status["links"].values()
    )
