"""What a good file becomes: complete, in ns, the same on both hosts, and JSON all through."""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from ipfo.config import durations
from ipfo.config.draft import Draft
from ipfo.config.load import examine, load, load_config, plugins_of
from ipfo.config.model import Config
from ipfo.errors import ConfigError
from ipfo.model import SECOND, Event

Write = Callable[..., Path]

PAIR = '[pair]\nname = "www"\nnodes = ["alpha", "beta"]\nkey_file = "www.key"\n'
LINK = '[links.a]\naddresses = { alpha = "203.0.113.1", beta = "203.0.113.2" }\n'
OTHER = '[links.b]\naddresses = { alpha = "198.51.100.1", beta = "198.51.100.2" }\n'
WEB = '[groups.web]\naddresses = ["192.0.2.100/24"]\ninterface = "eth0"\n'


def test_what_is_not_said_has_the_defaults_that_the_docs_give(write: Write) -> None:
    path = write()
    config = load_config(path, "beta")

    assert (config.node, config.peer, config.pair) == ("beta", "alpha", "www")
    assert (config.interval_ns, config.takeover_after_ns) == (SECOND, 3 * SECOND)
    assert config.first_claim_after_ns == 60 * SECOND
    assert config.key_file == path.parent / "www.key"
    assert config.control_group is None
    assert config.plugins == ()
    public, private = config.links.values()
    assert (public.transport, public.port, public.options) == ("udp", 1694, {})
    assert public.interfaces == {}
    assert (private.transport, private.options["group"]) == ("multicast", "239.192.16.94")
    web = config.groups["web"]
    assert [str(each) for each in web.addresses] == ["192.0.2.100/24", "2001:db8::100/64"]
    assert web.interfaces == {"alpha": "eth0", "beta": "eth0"}
    assert (web.provider, web.preferred, web.home) == ("ip", "alpha", None)
    assert web.traits == {"lease", "probe", "wire"}
    assert (web.contested, web.announce_every_ns, web.phase_timeout_ns) == (
        "wait",
        60 * SECOND,
        30 * SECOND,
    )
    assert (web.phase_plugins, web.hooks) == ((), {})
    assert config.notifiers == ()
    assert config.warnings == ()


def test_what_is_said_goes_before_the_defaults(write: Write) -> None:
    path = write(
        'plugins = ["udp"]\n'
        + PAIR
        + 'interval = "200ms"\ntakeover_after = "1.5s"\nfirst_claim_after = "never"\n'
        + 'control_group = "adm"\n'
        + LINK
        + 'port = 1700\ninterface = { beta = "eth1" }\nbroadcast = "203.0.113.255"\n'
        + WEB
        + 'provider = "mock"\npreferred = "beta"\ncontested = "take"\nannounce_every = "5min"\n'
        + 'scripts = "scripts"\nphase_timeout = "2.5s"\n'
        + '[[notifiers]]\nplugin = "webhook"\nurl = "https://ops.example/hook"\n'
        + 'events = ["takeover", "split"]\n'
    )
    config = load_config(path, "alpha")

    assert config.plugins == ("udp",)
    assert (config.interval_ns, config.takeover_after_ns) == (SECOND // 5, SECOND * 3 // 2)
    assert config.first_claim_after_ns is None
    assert config.control_group == "adm"
    link = config.links["a"]
    assert (link.port, link.interfaces, link.options) == (
        1700,
        {"beta": "eth1"},
        {"broadcast": "203.0.113.255"},
    )
    web = config.groups["web"]
    assert (web.provider, web.preferred, web.contested) == ("mock", "beta", "take")
    assert (web.announce_every_ns, web.phase_timeout_ns) == (300 * SECOND, SECOND * 5 // 2)
    assert web.phase_plugins == ("scripts",)
    assert web.hooks["scripts"]["folder"] == str(path.parent / "scripts")
    (notifier,) = config.notifiers
    assert notifier.events == frozenset({Event.TAKEOVER, Event.SPLIT})
    assert notifier.options["url"] == "https://ops.example/hook"


def test_each_process_learns_which_plugins_it_needs(write: Write) -> None:
    config = load_config(write(), "alpha")
    assert config.entry_points("transport") == ("udp", "multicast")
    assert config.entry_points("provider", "notifier") == ("ip",)
    assert plugins_of(config.path) == ("udp", "multicast", "ip")


def test_a_document_survives_json(write: Write) -> None:
    made = load(write(), node="alpha")
    again = json.loads(json.dumps(made))
    assert Config.from_document(again) == Config.from_document(made)


def test_both_nodes_and_any_folder_have_one_digest_and_another_file_has_another(
    write: Write, tmp_path: Path
) -> None:
    from tests.config.conftest import GOOD

    path = write()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    other = elsewhere / "other.toml"
    other.write_text(GOOD)
    os.link(tmp_path / "www.key", elsewhere / "www.key")

    digest = load_config(path, "alpha").digest
    assert 0 < digest < 2**64
    assert load_config(path, "beta").digest == digest
    assert load_config(other, "beta").digest == digest
    assert load_config(write(GOOD + 'contested = "take"\n'), "alpha").digest != digest


def test_a_node_is_known_by_its_link_addresses(write: Write) -> None:
    path = write(PAIR + LINK.replace("203.0.113.2", "127.0.0.1") + WEB)
    assert load(path)["node"] == "beta"
    assert load(path, node="alpha")["node"] == "alpha"


def test_a_node_that_nothing_tells_is_asked_for(write: Write) -> None:
    path = write()
    with pytest.raises(ConfigError, match="say --node alpha or --node beta") as caught:
        load(path)
    assert "198.51.100.2 (beta)" in str(caught.value)
    examined = examine(path)
    assert examined.node is None
    assert examined.document is not None


def test_two_nodes_on_one_host_must_be_told_apart(write: Write) -> None:
    path = write(PAIR + LINK.replace("203.0.113", "127.0.0") + WEB)
    with pytest.raises(ConfigError, match="--node"):
        load(path)


def test_a_home_address_does_not_tell_who_a_node_is(write: Write) -> None:
    """It may be with the other node now."""
    home = '[groups.web]\naddresses = ["127.0.0.1"]\nhome = "alpha"\ninterface = "eth0"\n'
    text = PAIR + LINK.replace("203.0.113.1", "127.0.0.1") + OTHER + home
    assert examine(write(text)).node is None
    assert examine(write(text.replace("198.51.100.2", "127.0.0.2"))).node == "beta"


def test_an_unknown_node_is_named_with_the_nearest(write: Write) -> None:
    with pytest.raises(ConfigError, match='the nodes are alpha and beta; did you mean "beta"'):
        load(write(), node="betta")


@pytest.mark.parametrize(
    ("key", "mode", "words"),
    [
        (bytes(31), 0o600, "has 31 bytes; a key has 32 or more"),
        (bytes(32), 0o640, r"can be used by others \(mode 0640\); chmod 600"),
        (bytes(32), 0o604, r"can be used by others \(mode 0604\)"),
    ],
)
def test_a_weak_key_file_is_refused(write: Write, key: bytes, mode: int, words: str) -> None:
    """P8: no stranger moves an address."""
    path = write(key=key, mode=mode)
    with pytest.raises(ConfigError, match=f"pair.toml:4: pair.key_file: .*{words}"):
        load(path, node="alpha")


def test_a_key_file_whose_name_cannot_be_is_refused(write: Write) -> None:
    text = PAIR.replace("www.key", "www\\u0000key") + LINK + WEB
    (fault,) = examine(write(text)).faults
    assert fault.endswith('pair.key_file: "www\\u0000key" is no file\'s name')


def test_a_key_that_is_short_and_open_is_told_both(write: Write) -> None:
    assert len(examine(write(key=b"short", mode=0o644)).faults) == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[pair]\nname = 'x\xff'\n", ":2: byte 0xff is not UTF-8"),
        (b"[pair\n", ":1: column 6: "),
    ],
)
def test_a_file_that_is_no_toml_is_told_by_line(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "pair.toml"
    path.write_bytes(content)
    (fault,) = examine(path).faults
    assert fault.startswith(f"{path}{words}")
    with pytest.raises(ConfigError, match=r"pair\.toml"):
        plugins_of(path)


def test_the_mark_that_an_editor_puts_before_a_text_is_no_part_of_it(write: Write) -> None:
    path = write()
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert not examine(path).faults


def test_a_file_that_is_missing_or_a_folder_is_one_line(tmp_path: Path) -> None:
    missing = tmp_path / "none.toml"
    assert examine(missing).faults == (f"{missing}: cannot be read: No such file or directory",)
    assert examine(tmp_path).faults == (f"{tmp_path}: cannot be read: Is a directory",)


def test_addresses_are_brought_to_their_shortest_form(write: Write) -> None:
    text = PAIR + LINK.replace("203.0.113.1", "2001:DB8:0::1").replace(
        "203.0.113.2", "2001:db8::02"
    )
    config = load_config(write(text + WEB), "alpha")
    assert dict(config.links["a"].addresses) == {"alpha": "2001:db8::1", "beta": "2001:db8::2"}


def test_a_home_node_needs_no_interface_and_is_preferred(write: Write) -> None:
    home = (
        '[groups.ip]\naddresses = ["203.0.113.2"]\nhome = "beta"\ninterface = { alpha = "eth0" }\n'
    )
    config = load_config(write(PAIR + LINK + OTHER + home), "alpha")
    group = config.groups["ip"]
    assert (group.home, group.preferred, group.interfaces) == ("beta", "beta", {"alpha": "eth0"})
    assert config.terms(boot=1).groups["ip"].links_of_home == {"a"}


WARNINGS = {
    "no key": (PAIR.replace('key_file = "www.key"\n', "") + LINK + WEB, 1, "pair: NO KEY"),
    "fast": (
        PAIR + 'interval = "100ms"\ntakeover_after = "300ms"\n' + LINK + WEB,
        6,
        "pair.takeover_after: is shorter than the shortest lease",
    ),
    "one network": (
        PAIR + LINK + OTHER.replace("198.51.100.", "203.0.113.5") + WEB,
        7,
        "links.b: looks like the same network as link a (203.0.113.0/24)",
    ),
    "one network of IPv6": (
        PAIR
        + LINK.replace("203.0.113.", "2001:db8::a:")
        + OTHER.replace("198.51.100.", "2001:db8::b:")
        + WEB,
        7,
        "links.b: looks like the same network as link a (2001:db8::/64)",
    ),
    "one interface": (
        PAIR + LINK + 'interface = "eth0"\n' + OTHER + 'interface = { beta = "eth0" }\n' + WEB,
        8,
        "links.b: is on eth0 of beta, as link a is",
    ),
    "prefix": (
        PAIR + LINK.replace("203.0.113.1", "203.0.113.1/24") + WEB,
        6,
        'links.a.addresses.alpha: a link needs no prefix, and "203.0.113.1/24" is read as "203.0.113.1"',
    ),
    "no lease": (
        PAIR + LINK + WEB + 'provider = "ifconfig"\n',
        10,
        'groups.web.provider: "ifconfig" knows no leases',
    ),
    "asking": (
        PAIR + 'dead_after = "1.3s"\n' + LINK + WEB,
        5,
        "pair.dead_after: a pause of the peer's whole host that is longer than 1.3s looks like its death",
    ),
    "seamless on no wire": (
        PAIR + LINK + WEB + 'provider = "mock"\nhandover = "seamless"\n',
        11,
        'groups.web.handover: the provider "mock" uses no wire',
    ),
    "the wrong folder": (
        PAIR + LINK + WEB + 'scripts = "/Library/Failover/"\n',
        10,
        'groups.web.scripts: "/Library/Failover/" stands in an old guide by mistake',
    ),
}


@pytest.mark.parametrize("case", WARNINGS)
def test_what_had_better_not_be_is_a_warning_with_its_line(case: str, write: Write) -> None:
    text, line, words = WARNINGS[case]
    path = write(text)
    examined = examine(path)

    assert examined.faults == ()
    (warning,) = examined.warnings
    assert warning.startswith(f"{path}:{line}: {words}")
    assert load_config(path, "alpha").warnings == examined.warnings


@pytest.mark.parametrize(("dead_after", "both"), [("2.3s", True), ("2.5s", False)])
def test_asking_is_warned_of_with_the_lease_that_outlives_it(
    write: Write, dead_after: str, both: bool
) -> None:
    """The lease is 2 s here, and may last 2.4 s."""
    path = write(PAIR + f'dead_after = "{dead_after}"\n' + LINK + WEB)
    (warning,) = examine(path).warnings
    assert warning.endswith("or its lease ends, which lasts 2.4s at most") is both


def test_asking_without_a_provider_that_asks_the_wire_is_told_to_be_of_no_use(write: Write) -> None:
    text = PAIR + 'dead_after = "1.3s"\n' + LINK + WEB + 'provider = "mock"\n'
    path = write(text)
    _, warning = examine(path).warnings
    assert warning.startswith(f"{path}:5: pair.dead_after: no group's provider can ask the wire")


def test_links_on_loopback_are_not_one_network(write: Write) -> None:
    text = PAIR + LINK.replace("203.0.113", "127.0.0") + OTHER.replace("198.51.100.", "127.0.0.5")
    assert examine(write(text + WEB)).warnings == ()


@pytest.mark.parametrize("interval", ["1s", "1.1s", "1.3s"])
def test_what_a_message_about_the_lease_asks_for_is_enough_and_no_more(
    write: Write, interval: str
) -> None:
    def faults(takeover_after_ns: int) -> tuple[str, ...]:
        takeover_after = durations.text(takeover_after_ns)
        said = f'interval = "{interval}"\ntakeover_after = "{takeover_after}"\n'
        return examine(write(PAIR + said + LINK + WEB)).faults

    (fault,) = faults(2 * durations.parse(interval))
    least_ns = durations.parse(fault.split('make it at least "')[1].removesuffix('"'))
    assert faults(least_ns) == ()
    assert "would end before the next heartbeat" in faults(least_ns - SECOND // 10)[0]


def test_what_is_absent_is_its_default_or_nothing() -> None:
    draft = Draft(Path("pair.toml"), {"pair": {"interval": "5s"}}, bad=frozenset({("fence",)}))
    assert draft.value("pair", "interval") == "5s"
    assert draft.value("pair", "takeover_after") == "3s"
    assert draft.value("groups", "web", "checks", 0, "fall") == 3
    assert draft.duration("pair", "dead_after") is None
    assert draft.value("links", "a", "interface") is None
    assert draft.listed("witnesses") == []


def test_names_that_collide_on_the_wire_are_named(write: Write) -> None:
    from ipfo.wire.names import LINKS_MAX

    many = "".join(
        f'[links.l{n}]\naddresses = {{ alpha = "203.0.113.{n}", beta = "198.51.100.{n}" }}\n'
        for n in range(1, LINKS_MAX + 2)
    )
    (fault,) = examine(write(PAIR + many + WEB)).faults
    assert "links: is too long: it may have 16 at most" in fault


def test_two_groups_of_one_id_are_refused_by_name(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real collisions of 32 bits are too dear to search for, so the id is made shorter here."""
    from ipfo.wire import names

    real = names.short_id
    monkeypatch.setattr(names, "short_id", lambda kind, name, *_: real(kind, name, 1))
    many = "".join(
        f'[groups.g{n}]\naddresses = ["192.0.2.{n}"]\ninterface = "eth0"\n' for n in range(1, 250)
    )
    faults = examine(write(PAIR + LINK + many)).faults
    assert len(faults) == 1
    file = write(PAIR + LINK + many)
    assert faults[0].startswith(f"{file}:7: groups: the groups 'g")
    assert faults[0].endswith("look alike on the wire: rename one")


def test_a_port_of_another_program_is_no_matter_of_the_config(write: Write) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        text = PAIR + LINK.replace("203.0.113.2", "127.0.0.1") + f"port = {port}\n" + WEB
        assert load(write(text))["node"] == "beta"
