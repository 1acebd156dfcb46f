"""What a running daemon can take over of a new file, and what needs a new run (P9, P1)."""

import pytest
from tests.config.conftest import GOOD, Write

from ipfo.config.changes import Changes, between
from ipfo.config.load import load
from ipfo.config.model import Document


def document(write: Write, text: str) -> Document:
    return load(write(text), node="alpha")


WEB = 'interface = "eth0"'

LIVE = [
    ('interface = "eth0"', f'{WEB}\nfailback = "auto"\nper = "1min"', "failback per"),
    (
        'interface = "eth0"',
        f'{WEB}\npreferred = "beta"\nhandover = "seamless"',
        "preferred handover",
    ),
    (WEB, f'{WEB}\ncontested = "take"\nannounce_every = "30s"', "contested announce_every"),
    (WEB, f'{WEB}\nphase_timeout = "10s"\nmax_moves = 5', "phase_timeout max_moves"),
    (WEB, f'{WEB}\nscripts = "."', "hooks"),
    (
        WEB,
        f'{WEB}\n[[groups.web.checks]]\nplugin = "tcp"\naddress = "127.0.0.1"\nport = 80',
        "checks",
    ),
]


@pytest.mark.parametrize(("was", "now", "keys"), LIVE)
def test_what_decides_or_tells_but_holds_no_address_is_taken_over(
    write: Write, was: str, now: str, keys: str
) -> None:
    changes = between(document(write, GOOD), document(write, GOOD.replace(was, now)))
    assert not changes.restart
    assert sorted(changes.live) == sorted(f"groups.web.{key}" for key in keys.split())


@pytest.mark.parametrize(
    ("was", "now", "key"),
    [
        (
            "[links.public]",
            '[[notifiers]]\nplugin = "webhook"\nurl = "http://127.0.0.1/x"\n[links.public]',
            "notifiers",
        ),
        ("[links.public]", 'first_claim_after = "never"\n[links.public]', "pair.first_claim_after"),
        (
            "[links.public]",
            '[[witnesses]]\nplugin = "ping"\naddress = "203.0.113.9"\n[links.public]',
            "witnesses",
        ),
        (
            "[links.public]",
            '[fence]\nplugin = "command"\ncommand = ["/bin/true", "{peer}"]\n[links.public]',
            "fence",
        ),
        ('key_file = "www.key"', "", "pair.key_file"),
    ],
)
def test_so_is_what_is_asked_or_told_of_the_pair(
    write: Write, was: str, now: str, key: str
) -> None:
    changes = between(document(write, GOOD), document(write, GOOD.replace(was, now)))
    assert changes == Changes((key,), ())


@pytest.mark.parametrize(
    ("was", "now", "keys"),
    [
        ("[links.public]", 'interval = "500ms"\n[links.public]', ("pair.interval",)),
        ("[links.public]", 'takeover_after = "5s"\n[links.public]', ("pair.takeover_after",)),
        ("[links.public]", 'dead_after = "1.5s"\n[links.public]', ("pair.dead_after",)),
        ("[links.public]", 'control_group = "adm"\n[links.public]', ("pair.control_group",)),
        ("[links.public]", "[links.public]\nport = 1700", ("links.public.port",)),
        ("[links.private]", "[links.third]", ("links.private", "links.third")),
        ("192.0.2.100", "192.0.2.101", ("groups.web.addresses",)),
        ("eth0", "eth1", ("groups.web.interface",)),
        (
            WEB,
            f'{WEB}\nprovider = "mock"',
            ("groups.web.provider",),
        ),
        ("[groups.web]", "[groups.other]", ("groups.web", "groups.other")),
        (
            "[links.private]",
            '[[witnesses]]\nplugin = "etcd"\nendpoints = ["http://203.0.113.9:2379"]\n[links.private]',
            ("witnesses",),
        ),
    ],
)
def test_addresses_links_and_what_the_peer_reckons_with_need_a_new_run(
    write: Write, was: str, now: str, keys: tuple[str, ...]
) -> None:
    changes = between(document(write, GOOD), document(write, GOOD.replace(was, now)))
    assert changes == Changes((), keys)


def test_a_key_that_nobody_has_thought_of_needs_a_new_run(write: Write) -> None:
    """It costs a restart, and no address."""
    old = document(write, GOOD)
    assert between(old, {**old, "engine": {}}) == Changes((), ("engine",))


def test_the_same_file_has_no_changes_and_where_it_lies_is_none(write: Write) -> None:
    old = document(write, GOOD)
    assert between(old, {**old, "warnings": ["x"], "path": "/else/where"}) == Changes((), ())
