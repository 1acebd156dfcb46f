"""Every transport and every provider that is built in, at work: the power is cut, the address moves."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.hosts.plays import RATE

from ipfo.testing.lab import NETWORKS, PUBLIC, Lab, Network
from ipfo.testing.scene import SERVICE, SERVICE_6, pair_file, scene

pytestmark = [pytest.mark.hosts, pytest.mark.patient, pytest.mark.timeout(120)]


@dataclass(frozen=True)
class Kind:
    """How both links talk, and who puts the address on."""

    name: str
    link: Callable[[Network], str]  # a link's lines but for the addresses
    provider: str
    version: int = 4  # of the links' addresses
    service: str = SERVICE


def unicast(_: Network) -> str:
    return 'transport = "udp"'


def subnet(network: Network) -> str:
    return f'transport = "udp"\nbroadcast = "{network.v4.broadcast_address}"'


def everybody(_: Network) -> str:
    return 'transport = "udp"\nbroadcast = "255.255.255.255"'


def multicast(_: Network) -> str:
    return 'transport = "multicast"\ngroup = "239.192.16.94"'


def multicast_6(_: Network) -> str:
    return 'transport = "multicast"\ngroup = "ff02::16:94"'


KINDS = [
    Kind("unicast 4, ip, 6", unicast, "ip", service=SERVICE_6),
    Kind("unicast 6, netlink, 4", unicast, "netlink", version=6),
    Kind("broadcast, ifconfig, 4", subnet, "ifconfig"),
    Kind("255.255.255.255, ip, 4", everybody, "ip"),
    Kind("multicast 4, netlink, 6", multicast, "netlink", service=SERVICE_6),
    Kind("multicast 6, ifconfig, 6", multicast_6, "ifconfig", version=6, service=SERVICE_6),
]


def link(kind: Kind, network: Network) -> str:
    pairs = (f'{host} = "{network.address(host, kind.version)}"' for host in ("alpha", "beta"))
    addresses = f"addresses = {{ {', '.join(pairs)} }}"
    return f"[links.{network.name}]\n{kind.link(network)}\n{addresses}\n"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_address_moves_when_the_power_is_cut(
    lab: Lab, tmp_path: Path, kind: Kind, measured: Callable[[str], None]
) -> None:
    prefix = 64 if ":" in kind.service else 24
    text = pair_file(
        interval="200ms",
        takeover_after="1500ms",
        links="\n".join(link(kind, network) for network in NETWORKS.values()),
        groups=f"""\
[groups.web]
addresses = ["{kind.service}/{prefix}"]
interface = "{PUBLIC.interface}"
provider = "{kind.provider}"
""",
    )
    with scene(lab, tmp_path, text, kind.service, rate=RATE) as stage:
        stage.begin()
        stage.whole(holder="alpha")
        stage.client.report()
        lab.power_off("alpha")
        stage.answered_by("beta")
        report = stage.report()
        lab.power_on("alpha")
        stage.pair.start("alpha")
        stage.whole(holder="beta")
        stage.pair.ask("alpha", "failback", "web")
        stage.answered_by("alpha")
        assert stage.watch.overlaps == {}

    assert [stay["host"] for stay in report["hosts"]] == ["alpha", "beta"]
    measured(f"power cut, 200 ms / 1.5 s, {kind.name}: out for {report['longest_gap_ms']:.0f} ms")
