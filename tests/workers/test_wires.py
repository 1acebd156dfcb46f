"""Asking the wire through the `addresses` worker: who answers, whose card it is, and the peer."""

from .addressing import Start
from .conftest import Site

CARD = "02:00:5e:00:53:01"


def test_probe_says_who_answered(site: Site, start: Start) -> None:
    answer = start().ok("probe", groups=["web"], timeout_ns=70)
    assert answer["answers"] == {"web": [["192.0.2.100", CARD], ["2001:db8::100", CARD]]}
    assert site.calls() == ["probe east0 70"]


def test_groups_on_one_wire_are_probed_together(site: Site, start: Start) -> None:
    other = site.group(addresses=["192.0.2.101/24"])
    elsewhere = site.group(addresses=["192.0.2.102/24"], interfaces={"alpha": "west0"})
    caller = start(web=site.group(), other=other, elsewhere=elsewhere)
    answer = caller.ok("probe", groups=["web", "other", "elsewhere"], timeout_ns=70)
    assert answer["answers"]["other"] == [["192.0.2.101", CARD]]
    assert site.calls() == ["probe east0 70", "probe west0 70"]


def test_a_wire_that_cannot_be_asked_is_said_of_its_groups_only(site: Site, start: Start) -> None:
    deaf = site.group(addresses=["192.0.2.101/24"], interfaces={"alpha": "deaf0"})
    answer = start(web=site.group(), deaf=deaf).ok("probe", groups=["web", "deaf"], timeout_ns=70)
    assert "deaf0" in answer["failed"]["deaf"]
    assert "web" in answer["answers"]
