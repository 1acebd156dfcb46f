"""What options mean: a witness is a third host, a check asks this host, a fence is told whom to shoot."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.config.conftest import GOOD

from ipfo.config.load import examine

Write = Callable[..., Path]
Install = Callable[..., None]

CHECK = f"{GOOD}\n[[groups.web.checks]]\n"
WITNESS = f"{GOOD}\n[[witnesses]]\n"
COMMAND = f'{GOOD}\n[fence]\nplugin = "command"\ntimeout = "1s"\n'

SHOP = """
from ipfo.plugin import *

HOST = {"type": "string", "x-by-node": True, "x-host": True}
SCHEMA = {"type": "object", "properties": {"bell": HOST, "book": {"type": "string"}}}

@hookimpl
def {hook}():
    return [Offer("shop", lambda options: options, SCHEMA, frozenset({traits}))]
"""


def warnings(path: Path) -> list[str]:
    """Those of a file that is well."""
    examined = examine(path, node="alpha")
    assert examined.faults == ()
    return list(examined.warnings)


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ('plugin = "http"\nurl = "http://192.0.2.100/health"', "url"),
        ('plugin = "http"\nurl = "https://[2001:DB8:0::100]:8443/?q"', "url"),
        ('plugin = "tcp"\naddress = "192.0.2.100"\nport = 5432', "address"),
    ],
)
def test_a_check_that_asks_the_service_address_is_warned_of(
    write: Write, options: str, key: str
) -> None:
    (warning,) = warnings(write(CHECK + options))
    assert f"pair.toml:{GOOD.count(chr(10)) + 4}: groups.web.checks[0].{key}: " in warning
    assert "is a service address (group web), which the standby does not have" in warning
    assert warning.endswith('such as 127.0.0.1, or say when = "holding"')
    assert warnings(write(f'{CHECK}{options}\nwhen = "holding"')) == []


@pytest.mark.parametrize(
    "options",
    [
        'plugin = "http"\nurl = "http://127.0.0.1/health"\nhost = "192.0.2.100"',
        'plugin = "http"\nurl = "http://www.example.org/192.0.2.100"',
        'plugin = "tcp"\nport = 80',
        'plugin = "command"\ncommand = ["/bin/ask", "192.0.2.100"]',
    ],
)
def test_a_check_that_asks_another_address_is_not(write: Write, options: str) -> None:
    assert warnings(write(CHECK + options)) == []


def test_a_check_of_one_group_may_not_ask_for_another_groups_address_either(write: Write) -> None:
    other = '[groups.db]\naddresses = ["192.0.2.101/24"]\ninterface = "eth0"\n'
    options = '[[groups.web.checks]]\nplugin = "tcp"\naddress = "192.0.2.101"\nport = 5432\n'
    (warning,) = warnings(write(f"{GOOD}\n{options}{other}"))
    assert "192.0.2.101 is a service address (group db)" in warning


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("198.51.100.2", "is beta's own address on link private, and a node always reaches itself"),
        ("203.0.113.1", "is alpha's own address on link public, and a node always reaches itself"),
        ("2001:db8:0::100", "is a service address (group web), and who holds it always reaches"),
        ("::1", "is always the host itself that asks"),
    ],
)
@pytest.mark.parametrize("node", ["alpha", "beta"])
def test_a_witness_must_be_a_third_host(write: Write, address: str, why: str, node: str) -> None:
    path = write(f'{WITNESS}plugin = "ping"\naddress = "{address}"')
    (fault,) = examine(path, node=node).faults
    assert "witnesses[0].address: " in fault
    assert why in fault
    assert fault.endswith("; name a third host that both nodes need, such as the gateway")


def shop(install: Install, *traits: str) -> None:
    source = SHOP.replace("{hook}", "ipfo_witnesses").replace("{traits}", repr(list(traits)))
    install("witness-shop", "ipfo_witnesses", source=source)


def test_a_voter_may_have_a_member_on_a_node(write: Write, install: Install) -> None:
    members = ", ".join(f'"http://{each}:2379"' for each in ("203.0.113.1", "203.0.113.2", "[::1]"))
    assert examine(write(f'{WITNESS}plugin = "etcd"\nendpoints = [{members}]')).faults == ()
    shop(install, "vote")
    assert examine(write(f'{WITNESS}plugin = "shop"\nbell = "203.0.113.2"')).faults == ()


@pytest.mark.parametrize(
    "value", ['"203.0.113.2"', '{ alpha = "192.0.2.9", beta = "203.0.113.2" }']
)
def test_a_strangers_witness_may_mark_which_option_is_a_host(
    write: Write, install: Install, value: str
) -> None:
    shop(install)
    path = write(f'{WITNESS}plugin = "shop"\nbook = "203.0.113.2"\nbell = {value}')
    (fault,) = examine(path, node="alpha").faults
    key = "bell.beta" if "beta" in value else "bell"
    assert f"witnesses[0].{key}: 203.0.113.2 is beta's own address on link public" in fault


def test_a_fence_that_is_not_told_whom_to_shoot_is_warned_of(write: Write) -> None:
    (warning,) = warnings(write(f'{COMMAND}command = ["/bin/off", "--now"]'))
    assert f"pair.toml:{GOOD.count(chr(10)) + 5}: fence.command: {{peer}} stands nowhere in it" in (
        warning
    )
    assert "a node may shoot itself; write {peer} where the node's name belongs" in warning
    assert warnings(write(f'{COMMAND}command = ["/bin/off", "--node={{peer}}"]')) == []
    agent = 'plugin = "fence-agents"\nagent = "fence_own"\ntimeout = "1s"\n'
    ports = 'ports = { alpha = "1", beta = "2" }\n'
    assert warnings(write(f"{GOOD}\n[fence]\n{agent}{ports}")) == []
