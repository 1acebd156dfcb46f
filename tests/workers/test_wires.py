"""Asking the wire through the `addresses` worker: who answers, whose card it is, and the peer."""

from typing import Any

import pytest

from ipfo.model import SECOND

from .addressing import Start, acquire
from .conftest import Site

CARD = "02:00:5e:00:53:01"
PEERS = "02:00:5e:00:53:02"

LINKS = {
    "public": ("192.0.2.1", "192.0.2.2"),
    "private": ("198.51.100.1", "198.51.100.2"),
}


def link(own: str, peers: str) -> dict[str, Any]:
    """A link of the document."""
    return {
        "transport": "udp",
        "port": 1694,
        "addresses": {"alpha": own, "beta": peers},
        "interfaces": {},
        "options": {},
    }


def connect(
    site: Site, cards: dict[str, str] | None = None, **links: tuple[str, str]
) -> dict[str, Any]:
    """Give the host its own link addresses, and the wire those who answer; a group that asks."""
    site.links = {name: link(*ends) for name, ends in (links or LINKS).items()}
    for name, (own, _) in (links or LINKS).items():
        site.lay(f"{own}/24", "east0" if name == "public" else "west0")
    return site.group(provider_options={"file": str(site.file), "cards": cards})


def test_probe_says_who_answered(site: Site, start: Start) -> None:
    answer = start().ok("probe", groups=["web"], timeout_ns=70)
    assert answer["answers"] == {"web": [["192.0.2.100", CARD, ""], ["2001:db8::100", CARD, ""]]}
    assert site.calls() == ["probe east0 70"]


@pytest.mark.parametrize(
    ("cards", "whose"),
    [
        ({"192.0.2.100": PEERS, "192.0.2.2": PEERS}, "beta"),
        ({"192.0.2.100": CARD, "192.0.2.2": PEERS}, "a third host"),
        ({"192.0.2.100": CARD}, ""),
        ({"192.0.2.100": CARD, "198.51.100.2": CARD}, ""),
    ],
    ids=["the peer", "another", "the peer does not say", "the peer's card elsewhere says nothing"],
)
def test_probe_says_whose_card_it_was(
    site: Site, start: Start, cards: dict[str, str], whose: str
) -> None:
    """Design 7.3: "Say also *who* answered: the peer's card, or a third host's"."""
    answer = start(web=connect(site, cards)).ok("probe", groups=["web"], timeout_ns=SECOND)
    assert answer["answers"] == {"web": [["192.0.2.100", cards["192.0.2.100"], whose]]}


def test_where_nobody_answered_the_peer_is_not_asked(site: Site, start: Start) -> None:
    answer = start(web=connect(site, {})).ok("probe", groups=["web"], timeout_ns=SECOND)
    assert answer == {"answers": {"web": []}, "failed": {}}
    assert len(site.calls()) == 1


def test_groups_on_one_wire_are_probed_together(site: Site, start: Start) -> None:
    other = site.group(addresses=["192.0.2.101/24"])
    elsewhere = site.group(addresses=["192.0.2.102/24"], interfaces={"alpha": "west0"})
    caller = start(web=site.group(), other=other, elsewhere=elsewhere)
    answer = caller.ok("probe", groups=["web", "other", "elsewhere"], timeout_ns=70)
    assert answer["answers"]["other"] == [["192.0.2.101", CARD, ""]]
    assert sorted(site.calls()) == ["probe east0 70", "probe west0 70"]


def test_a_wire_that_cannot_be_asked_is_said_of_its_groups_only(site: Site, start: Start) -> None:
    deaf = site.group(addresses=["192.0.2.101/24"], interfaces={"alpha": "deaf0"})
    answer = start(web=site.group(), deaf=deaf).ok("probe", groups=["web", "deaf"], timeout_ns=70)
    assert "deaf0" in answer["failed"]["deaf"]
    assert "deaf" not in answer["answers"]
    assert "web" in answer["answers"]


@pytest.mark.parametrize("peers", ["192.0.2.2", "198.51.100.2"])
def test_the_peer_answers_if_it_does_on_any_link(site: Site, start: Start, peers: str) -> None:
    """Design 7.3, `dead_after`: "asks the wire for the peer's own addresses"."""
    caller = start(web=connect(site, {peers: PEERS}))
    assert caller.ok("probe_peer", timeout_ns=70) == {"answered": True, "failed": None}


def test_a_peer_that_answers_on_no_link_does_not_answer(site: Site, start: Start) -> None:
    caller = start(web=connect(site, {"192.0.2.100": CARD, "192.0.2.1": CARD}))
    assert caller.ok("probe_peer", timeout_ns=70) == {"answered": False, "failed": None}
    assert sorted(site.calls()) == ["probe east0 70", "probe west0 70"]


def test_the_peer_is_not_asked_for_what_is_here(site: Site, start: Start) -> None:
    """Design 7.11: its home address is a link address, and this node holds it now."""
    group = connect(site, {"192.0.2.2": CARD})
    caller = start(web=group | {"addresses": ["192.0.2.2/24"], "home": "beta"})
    acquire(caller)
    assert caller.ok("probe_peer", timeout_ns=70) == {"answered": False, "failed": None}
    assert "probe east0 70" not in site.calls()


def test_one_link_that_cannot_be_asked_is_no_fault(site: Site, start: Start) -> None:
    group = connect(
        site, {"192.0.2.2": PEERS}, public=LINKS["public"], gone=("203.0.113.1", "203.0.113.2")
    )
    site.clear("203.0.113.1")
    site.lay("203.0.113.1/24", "deaf0")
    assert start(web=group).ok("probe_peer", timeout_ns=70) == {"answered": True, "failed": None}


@pytest.mark.parametrize(
    ("own", "peers", "traits", "why"),
    [
        ("192.0.2.1", "192.0.2.2", ["lease"], "no provider can ask the wire"),
        ("192.0.2.1", "203.0.113.2", ["wire", "probe"], "on no network of this host's links"),
        ("192.0.2.9", "192.0.2.2", ["wire", "probe"], "on no network of this host's links"),
        ("203.0.113.1", "203.0.113.2", ["wire", "probe"], "deaf0 has no carrier"),
    ],
    ids=["no probe", "routed", "own address absent", "no carrier"],
)
def test_where_no_link_can_be_asked_that_is_said(
    site: Site, start: Start, own: str, peers: str, traits: list[str], why: str
) -> None:
    """A question that nobody could put must not count as one that nobody answered."""
    group = connect(site, {peers: PEERS})
    site.lay("203.0.113.1/24", "deaf0")
    site.links = {"only": link(own, peers)}
    answer = start(web=group | {"traits": traits}).ok("probe_peer", timeout_ns=70)
    assert answer["answered"] is False
    assert why in answer["failed"]
