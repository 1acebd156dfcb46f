"""The importer `hostconfig` reads what the original read, and names what nobody could read.

Seed: "configuration in /etc/hostconfig: FAILOVER_BCAST_IPS, FAILOVER_PEER_IP_PAIRS,
FAILOVER_PEER_IP, FAILOVER_EMAIL_RECIPIENT".
"""

from collections.abc import Callable, Mapping
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from ipfo.plugin import ImportHelp
from ipfo_plugins.importer._facts import Facts, read
from ipfo_plugins.importer.hostconfig import CHOSEN, Hostconfig

Write = Callable[..., Path]

MAN_TRIPLETS = (
    'FAILOVER_PEER_IP=10.100.0.10\nFAILOVER_PEER_IP_PAIRS="en0:192.13.2.2/16 en1:1.2.3.4/24"'
)
SEED_PRIMARY = (
    'FAILOVER_BCAST_IPS="192.168.254.170 10.0.0.170"\nFAILOVER_EMAIL_RECIPIENT=user@domain.com\n'
)
SEED_SECONDARY = (
    'FAILOVER_PEER_IP_PAIRS="en0:192.168.254.165"\nFAILOVER_PEER_IP="10.0.0.165"\n'
    "FAILOVER_EMAIL_RECIPIENT=user@domain.com\n"
)
GUIDE_PRIMARY = 'FAILOVER_BCAST_IPS="10.0.0.255 100.0.255.255"\n'
GUIDE_SECONDARY = (
    'FAILOVER_PEER_IP="10.0.0.1"\nFAILOVER_PEER_IP_PAIRS="en0:100.0.0.10"\n'
    'FAILOVER_EMAIL_RECIPIENT="admin@example.com"\n'
)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: str | bytes, name: str = "hostconfig") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def targets(facts: Facts) -> list[str]:
    return [str(each) for each in facts.targets]


# What the original's pages show (legacy facts, 4.1).


def test_the_seeds_primary(write: Write) -> None:
    facts = read(write(SEED_PRIMARY))
    assert targets(facts) == ["192.168.254.170", "10.0.0.170"]
    assert facts.recipients == ("user@domain.com",)
    assert (facts.peer, facts.taken) == (None, ())


def test_the_seeds_secondary(write: Write) -> None:
    facts = read(write(SEED_SECONDARY))
    assert facts.peer == IPv4Address("10.0.0.165")
    ((interface, address, prefix),) = [(t.interface, str(t.address), t.prefix) for t in facts.taken]
    assert (interface, address, prefix) == ("en0", "192.168.254.165", None)
    assert facts.targets == ()


def test_the_guides_pair(write: Write) -> None:
    assert targets(read(write(GUIDE_PRIMARY))) == ["10.0.0.255", "100.0.255.255"]
    facts = read(write(GUIDE_SECONDARY))
    assert (str(facts.peer), str(facts.taken[0])) == ("10.0.0.1", "100.0.0.10")
    assert facts.recipients == ("admin@example.com",)


def test_the_manual_pages_lines(write: Write) -> None:
    assert targets(read(write('FAILOVER_BCAST_IPS="10.100.0.12 1.2.3.5"'))) == [
        "10.100.0.12",
        "1.2.3.5",
    ]
    facts = read(write(MAN_TRIPLETS))
    assert str(facts.peer) == "10.100.0.10"
    assert [(t.interface, str(t)) for t in facts.taken] == [
        ("en0", "192.13.2.2/16"),
        ("en1", "1.2.3.4/24"),
    ]


@pytest.mark.parametrize("interface", ["en0", "fw0", "bond0", "eth0", "vlan10", "eth0.5"])
def test_any_interface_name_is_taken(write: Write, interface: str) -> None:
    facts = read(write(f"FAILOVER_PEER_IP=10.0.0.1\nFAILOVER_PEER_IP_PAIRS={interface}:192.0.2.1"))
    assert facts.taken[0].interface == interface


# The file is a piece of shell (legacy facts, 4.2), read without one.


@pytest.mark.parametrize(
    "line",
    [
        'FAILOVER_BCAST_IPS="192.0.2.1 192.0.2.2"',
        "FAILOVER_BCAST_IPS='192.0.2.1 192.0.2.2'",
        "FAILOVER_BCAST_IPS=192.0.2.1\\ 192.0.2.2",
        'FAILOVER_BCAST_IPS="192.0.2.1"" 192.0.2.2"',
        "FAILOVER_BCAST_IPS=\"192.0.2.1\"' '192.0.2.2",
        'FAILOVER_BCAST_IPS="192.0.2.1 192.0.2.2" # both',
        'FAILOVER_BCAST_IPS="192.0.2.1 192.0.2.2"\t#both',
        'FAILOVER_BCAST_IPS="192.0.2.1 192.0.2.2";',
        '  FAILOVER_BCAST_IPS="192.0.2.1 192.0.2.2"  ',
        'export FAILOVER_BCAST_IPS="192.0.2.1 192.0.2.2"',
        'FAILOVER_BCAST_IPS="203.0.113.9"\nFAILOVER_BCAST_IPS="192.0.2.1 192.0.2.2"',
        'FAILOVER_BCAST_IPS="192.0.2.1  192.0.2.2 "\r\nAFPSERVER=-YES-\r\n',
        'AFPSERVER=-NO-\rFAILOVER_BCAST_IPS="192.0.2.1 192.0.2.2"\r',
        '\ufeffFAILOVER_BCAST_IPS="192.0.2.1 192.0.2.2"',
        '# it\'s going away\nHOSTNAME=Bob\'s "Mac\nX = 1\nFAILOVER_BCAST_IPS="192.0.2.1 192.0.2.2"',
        'FAILOVER_BCAST_IPS="192.0.2.1 192.0.2.2"\n#FAILOVER_BCAST_IPS="203.0.113.9"',
        'FAILOVER_BCAST_IPS="192.0.2.1 192.0.2.2"\nfailover_bcast_ips=203.0.113.9',
    ],
)
def test_an_assignment_is_read_as_a_shell_would(write: Write, line: str) -> None:
    assert targets(read(write(line))) == ["192.0.2.1", "192.0.2.2"]


def test_bytes_of_macroman_do_no_harm(write: Write) -> None:
    comment = "# f\u00fcr B\u00fcro\nHOSTNAME=M\u00fcller\n".encode("mac_roman")
    assert targets(read(write(comment + b"FAILOVER_BCAST_IPS=192.0.2.1\n"))) == ["192.0.2.1"]


def test_escapes_within_double_quotes_are_those_of_a_shell(write: Write) -> None:
    facts = read(write('FAILOVER_EMAIL_RECIPIENT="a\\"b\\\\c\\$d\\e@example.com"'))
    assert facts.recipients == ('a"b\\c$d\\e@example.com',)


def test_a_hash_within_a_word_begins_no_comment(write: Write) -> None:
    assert read(write("FAILOVER_EMAIL_RECIPIENT=a#b@example.com")).recipients == (
        "a#b@example.com",
    )


def test_recipients_are_parted_by_blanks_or_commas(write: Write) -> None:
    facts = read(write('FAILOVER_EMAIL_RECIPIENT="a@example.com, b@example.com c@example.com"'))
    assert facts.recipients == ("a@example.com", "b@example.com", "c@example.com")


def test_an_empty_value_is_no_value(write: Write) -> None:
    facts = read(write('FAILOVER_BCAST_IPS=""\nFAILOVER_PEER_IP= # none\n'))
    assert (facts.targets, facts.peer) == ((), None)


def test_a_file_with_all_keys_is_both(write: Write) -> None:
    facts = read(write(SEED_PRIMARY + MAN_TRIPLETS))
    assert facts.targets
    assert facts.peer


PEER = "FAILOVER_PEER_IP=10.0.0.1\n"
PAIRS = "FAILOVER_PEER_IP_PAIRS"
BROKEN: Mapping[str, tuple[str, int, str]] = {
    "curly quotes": ("\nFAILOVER_BCAST_IPS=\u201c192.0.2.1\u201d", 2, "curly quotes (\u201c)"),
    "curly within": ('FAILOVER_BCAST_IPS="\u2018192.0.2.1\u2019"', 1, "curly quotes mean nothing"),
    "open double": ('FAILOVER_BCAST_IPS="192.0.2.1', 1, 'the quote (") is not closed'),
    "open single": ("FAILOVER_BCAST_IPS='192.0.2.1", 1, "the quote (') is not closed"),
    "blanks unquoted": ("FAILOVER_BCAST_IPS=192.0.2.1 192.0.2.2", 1, "blanks need quotes"),
    "blank before =": ('FAILOVER_BCAST_IPS = "192.0.2.1"', 1, "blanks beside the ="),
    "blank after =": ('FAILOVER_BCAST_IPS= "192.0.2.1"', 1, "blanks beside the ="),
    "variable": ('FAILOVER_BCAST_IPS="$MINE"', 1, "$ would be worked out by a shell"),
    "command": ("FAILOVER_BCAST_IPS=`hostname`", 1, "` would be worked out by a shell"),
    "a name": ("FAILOVER_BCAST_IPS=www.example.com", 1, '"www.example.com" is not an IPv4 address'),
    "commas": ('FAILOVER_BCAST_IPS="192.0.2.1,192.0.2.2"', 1, "separate them by blanks"),
    "two peers": ('\nFAILOVER_PEER_IP="10.0.0.1 10.0.0.2"\nFAILOVER_PEER_IP_PAIRS=en0:192.0.2.1',
                  2, "2 addresses where one is needed"),
    "peer alone": (PEER, 1, f"FAILOVER_PEER_IP is set, but {PAIRS} is not"),
    "pairs alone": (f"\n{PAIRS}=en0:192.0.2.1", 2, f"{PAIRS} is set, but FAILOVER_PEER_IP is not"),
    "no interface": (PEER + f"{PAIRS}=192.0.2.1", 2, '"192.0.2.1" is not INTERFACE:ADDRESS'),
    "a dash": (PEER + f"{PAIRS}=en0-192.0.2.1", 2, '"en0-192.0.2.1" is not INTERFACE:ADDRESS'),
    "prefix 33": (PEER + f"{PAIRS}=en0:192.0.2.1/33", 2, "is not INTERFACE:ADDRESS"),
    "dotted mask": (PEER + f"{PAIRS}=en0:192.0.2.1/255.255.255.0", 2, "is not INTERFACE:ADDRESS"),
    "bad octet": (PEER + f"{PAIRS}=en0:192.0.2.256", 2, "is not INTERFACE:ADDRESS"),
    "IPv6": (PEER + f"{PAIRS}=en0:2001:db8::1", 2, "is not INTERFACE:ADDRESS"),
    "pairs by comma": (PEER + f"{PAIRS}=en0:192.0.2.1,en1:192.0.2.2", 2, ", separated by blanks"),
    "peer is taken": (PEER + f"{PAIRS}=en0:10.0.0.1", 1, "it must be an address that stays"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_what_a_shell_or_the_original_would_stumble_over_is_named(write: Write, case: str) -> None:
    text, line, words = BROKEN[case]
    path = write(text)
    with pytest.raises(ValueError, match=r".") as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}:{line}: FAILOVER_")
    assert words in str(caught.value)


# Two files make a pair.


def pair(write: Write, primary: str, secondary: str, **given: Any) -> Mapping[str, Any]:
    files = write(primary, "primary"), write(secondary, "secondary")
    return Hostconfig().read_pair(*files, ImportHelp(**given)).tables


def test_the_seeds_files_make_the_articles_pair(write: Write) -> None:
    tables = pair(write, SEED_PRIMARY, SEED_SECONDARY)
    assert tables["pair"] == {
        "name": "ipfailover",
        "nodes": ["primary", "secondary"],
        "interval": "1s",
        "takeover_after": "5s",
    }
    assert tables["links"] == {
        "private": {
            "transport": "udp",
            "port": 1694,
            "addresses": {"primary": "10.0.0.165", "secondary": "10.0.0.170"},
        },
        "public": {
            "transport": "udp",
            "port": 1694,
            "addresses": {"primary": "192.168.254.165", "secondary": "192.168.254.170"},
        },
    }
    assert tables["groups"] == {
        "ip-192-168-254-165": {
            "addresses": ["192.168.254.165"],
            "home": "primary",
            "interface": {"secondary": "en0"},
            "scripts": "/Library/IPFailover",
        }
    }
    assert tables["notifiers"] == [{"plugin": "smtp", "to": ["user@domain.com"]}]


def test_what_is_ours_and_not_the_originals_is_said(write: Write) -> None:
    files = write(SEED_PRIMARY, "primary"), write(SEED_SECONDARY, "secondary")
    imported = Hostconfig().read_pair(*files, ImportHelp())
    assert CHOSEN in imported.remarks
    assert any("--interface" in remark for remark in imported.remarks)
    named = Hostconfig().read_pair(*files, ImportHelp(interface="en0"))
    assert not any("--interface" in remark for remark in named.remarks)
    (group,) = named.tables["groups"].values()
    assert group["interface"] == {"primary": "en0", "secondary": "en0"}


def test_options_name_the_nodes_and_the_pair(write: Write) -> None:
    tables = pair(write, SEED_PRIMARY, SEED_SECONDARY, nodes=("alpha", "beta"), pair="www")
    assert tables["pair"]["name"] == "www"
    assert tables["links"]["public"]["addresses"]["beta"] == "192.168.254.170"
    (group,) = tables["groups"].values()
    assert (group["home"], group["interface"]) == ("alpha", {"beta": "en0"})


def test_the_order_of_the_targets_means_nothing(write: Write) -> None:
    turned = SEED_PRIMARY.replace("192.168.254.170 10.0.0.170", "10.0.0.170 192.168.254.170")
    assert pair(write, turned, SEED_SECONDARY) == pair(write, SEED_PRIMARY, SEED_SECONDARY)


def test_without_a_recipient_mail_goes_to_the_local_root(write: Write) -> None:
    tables = pair(write, GUIDE_PRIMARY, SEED_SECONDARY.replace("user@domain.com", ""),
                  addresses={"secondary/private": "10.0.0.2", "secondary/public": "100.0.0.11"})  # fmt: skip
    assert tables["notifiers"] == [{"plugin": "smtp", "to": ["root@localhost"]}]


def test_a_broadcast_target_names_no_node_so_an_option_must(write: Write) -> None:
    both = "--address secondary/private=ADDRESS --address secondary/public=ADDRESS"
    with pytest.raises(ValueError, match=both):
        pair(write, GUIDE_PRIMARY, GUIDE_SECONDARY)
    with pytest.raises(ValueError, match=r"100\.0\.255\.255 names no host, .*beta/public="):
        pair(write, GUIDE_PRIMARY, GUIDE_SECONDARY, nodes=("alpha", "beta"),
             addresses={"beta/private": "10.0.0.2"})  # fmt: skip


def test_a_broadcast_target_stays_the_links_target(write: Write) -> None:
    given = {"secondary/private": "10.0.0.2", "secondary/public": "100.0.0.11"}
    links = pair(write, GUIDE_PRIMARY, GUIDE_SECONDARY, addresses=given)["links"]
    assert links["private"]["broadcast"] == "10.0.0.255"
    assert links["public"]["broadcast"] == "100.0.255.255"
    assert links["public"]["addresses"] == {"primary": "100.0.0.10", "secondary": "100.0.0.11"}


def test_everybody_as_target_is_for_all_links_that_are_left(write: Write) -> None:
    primary = 'FAILOVER_BCAST_IPS="255.255.255.255 10.0.0.170"'
    given = {"secondary/public": "192.168.254.170"}
    links = pair(write, primary, SEED_SECONDARY, addresses=given)["links"]
    assert links["public"]["broadcast"] == "255.255.255.255"
    assert "broadcast" not in links["private"]


def test_an_address_option_that_is_none_is_named(write: Write) -> None:
    with pytest.raises(ValueError, match='secondary/public: "en0" is not an IPv4 address'):
        pair(write, GUIDE_PRIMARY, GUIDE_SECONDARY, addresses={"secondary/public": "en0"})


def test_an_option_may_correct_the_first_hosts_address(write: Write) -> None:
    links = pair(write, SEED_PRIMARY, SEED_SECONDARY,
                 addresses={"primary/private": "10.0.0.166"})["links"]  # fmt: skip
    assert links["private"]["addresses"]["primary"] == "10.0.0.166"


def test_a_network_without_heartbeats_is_no_link_and_that_is_said(write: Write) -> None:
    secondary = PEER.replace("10.0.0.1", "10.100.0.10") + MAN_TRIPLETS.split("\n")[1]
    files = write('FAILOVER_BCAST_IPS="10.100.0.12 1.2.3.5"', "primary"), write(secondary, "s")
    imported = Hostconfig().read_pair(*files, ImportHelp())
    assert list(imported.tables["links"]) == ["private", "public-2"]
    assert sorted(imported.tables["groups"]) == ["ip-1-2-3-4", "ip-192-13-2-2"]
    assert any("no heartbeats towards 192.13.2.2" in remark for remark in imported.remarks)


def test_a_second_target_on_one_network_is_left_out_and_that_is_said(write: Write) -> None:
    primary = SEED_PRIMARY.replace("10.0.0.170", "10.0.0.170 10.0.0.171")
    files = write(primary, "primary"), write(SEED_SECONDARY, "secondary")
    imported = Hostconfig().read_pair(*files, ImportHelp())
    assert imported.tables["links"]["private"]["addresses"]["secondary"] == "10.0.0.170"
    assert any("10.0.0.171 are left out" in remark for remark in imported.remarks)


def test_two_hosts_that_watch_each_other_have_groups_both_ways(write: Write) -> None:
    crossed = SEED_PRIMARY + (
        'FAILOVER_PEER_IP=10.0.0.170\nFAILOVER_PEER_IP_PAIRS="en1:192.168.254.170"\n'
    )
    back = SEED_SECONDARY + 'FAILOVER_BCAST_IPS="192.168.254.165 10.0.0.165"\n'
    groups = pair(write, crossed, back)["groups"]
    assert groups["ip-192-168-254-170"]["home"] == "secondary"
    assert groups["ip-192-168-254-170"]["interface"] == {"primary": "en1"}
    assert groups["ip-192-168-254-165"]["home"] == "primary"


def test_files_given_the_wrong_way_round_are_noticed(write: Write) -> None:
    with pytest.raises(ValueError, match="FAILOVER_BCAST_IPS is not set; is this the primary's"):
        pair(write, SEED_SECONDARY, SEED_PRIMARY)
    with pytest.raises(ValueError, match="are not set; is this the secondary's file"):
        pair(write, SEED_PRIMARY, SEED_PRIMARY)


def test_a_file_that_is_missing_is_an_error_of_the_system(write: Write, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Hostconfig().read_pair(write(SEED_PRIMARY), tmp_path / "none", ImportHelp())


# One file, on its own host (import_hostconfig).


def test_one_hosts_file_finds_its_own_addresses_on_the_host(write: Write) -> None:
    """127.0.0.0/8 is the one network that every host is on."""
    text = "FAILOVER_PEER_IP=127.0.7.7\nFAILOVER_PEER_IP_PAIRS=en0:127.0.8.8\n"
    tables = Hostconfig().read(write(text)).tables
    assert tables["pair"] == {"nodes": ["primary", "secondary"], "interval": "1s"}
    private = tables["links"]["private"]["addresses"]
    assert private["primary"] == "127.0.7.7"
    assert private["secondary"].startswith("127.0.")
    assert tables["groups"]["ip-127-0-8-8"]["home"] == "primary"
    assert tables["notifiers"] == [{"plugin": "smtp", "to": ["root@localhost"]}]


def test_an_address_of_another_network_is_not_taken_for_ours(write: Write) -> None:
    text = "FAILOVER_PEER_IP=198.18.0.1\nFAILOVER_PEER_IP_PAIRS=en0:198.18.1.1\n"
    links = Hostconfig().read(write(text)).tables["links"]
    assert links["private"]["addresses"] == {"primary": "198.18.0.1"}


def test_a_senders_file_alone_takes_the_most_private_network_for_the_private_link(
    write: Write,
) -> None:
    for order in ("192.168.254.170 10.0.0.170", "10.0.0.170 192.168.254.170"):
        imported = Hostconfig().read(write(f'FAILOVER_BCAST_IPS="{order}"'))
        links = imported.tables["links"]
        assert links["private"]["addresses"]["secondary"] == "10.0.0.170"
        assert links["public"]["addresses"]["secondary"] == "192.168.254.170"
        assert any("does not tell the private network" in remark for remark in imported.remarks)
        assert "groups" not in imported.tables


def test_a_senders_broadcast_targets_stay_targets(write: Write) -> None:
    links = (
        Hostconfig()
        .read(write('FAILOVER_BCAST_IPS="100.0.255.255 10.0.0.255 1.2.3.4"'))
        .tables["links"]
    )
    assert links["private"]["broadcast"] == "10.0.0.255"
    assert "secondary" not in links["private"]["addresses"]
    assert links["public"]["broadcast"] == "100.0.255.255"
    assert links["public-2"]["addresses"]["secondary"] == "1.2.3.4"


def test_a_file_without_the_keys_says_so(write: Write) -> None:
    imported = Hostconfig().read(write("AFPSERVER=-YES-\n"))
    assert imported.tables == {}
    assert "none of the keys" in imported.remarks[0]
