"""``import_hostconfig``: the old file fills in what the TOML leaves out, and nothing else."""

from pathlib import Path

from ipfo.config.load import examine, load_config

HEAD = 'import_hostconfig = "hostconfig"\n[pair]\nname = "www"\n'
OLD = (
    "FAILOVER_PEER_IP=198.51.100.165\n"
    'FAILOVER_PEER_IP_PAIRS="en0:203.0.113.165"\n'
    "FAILOVER_EMAIL_RECIPIENT=user@example.com\n"
)
OWN = (
    '[links.private.addresses]\n{1} = "198.51.100.170"\n'
    '[links.public.addresses]\n{1} = "203.0.113.170"\n'
)


def write(folder: Path, text: str, old: str = OLD) -> Path:
    (folder / "hostconfig").write_text(old)
    path = folder / "pair.toml"
    path.write_text(text)
    return path


def test_the_old_file_gives_links_groups_and_recipients(tmp_path: Path) -> None:
    text = HEAD + OWN.replace("{1}", "secondary")
    config = load_config(write(tmp_path, text), "secondary")

    assert config.nodes == ("primary", "secondary")
    assert config.links["private"].addresses == {
        "primary": "198.51.100.165",
        "secondary": "198.51.100.170",
    }
    group = config.groups["ip-203-0-113-165"]
    assert (group.home, group.interfaces) == ("primary", {"secondary": "en0"})
    assert group.hooks["scripts"]["folder"] == "/Library/IPFailover"
    assert config.notifiers[0].options["to"] == ["user@example.com"]


def test_what_the_toml_says_goes_before_it(tmp_path: Path) -> None:
    text = (
        HEAD
        + 'interval = "200ms"\n'
        + OWN.replace("{1}", "secondary")
        + '[links.public]\nport = 1700\n[groups.ip-203-0-113-165]\nscripts = "/opt/scripts"\n'
        + '[[notifiers]]\nplugin = "smtp"\nto = ["ops@example.com"]\n'
    )
    config = load_config(write(tmp_path, text), "secondary")
    assert config.interval_ns == 200_000_000
    assert (config.links["public"].port, config.links["private"].port) == (1700, 1694)
    assert config.groups["ip-203-0-113-165"].hooks["scripts"]["folder"] == "/opt/scripts"
    assert [notifier.options["to"] for notifier in config.notifiers] == [["ops@example.com"]]


def test_nodes_that_the_toml_names_stand_for_the_old_ones_in_their_order(tmp_path: Path) -> None:
    text = HEAD + 'nodes = ["alpha", "beta"]\n' + OWN.replace("{1}", "beta")
    config = load_config(write(tmp_path, text), "alpha")
    assert config.nodes == ("alpha", "beta")
    assert config.groups["ip-203-0-113-165"].home == "alpha"
    assert config.groups["ip-203-0-113-165"].interfaces == {"beta": "en0"}
    assert set(config.links["public"].addresses) == {"alpha", "beta"}


def test_what_neither_says_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, 'import_hostconfig = "hostconfig"\n')
    faults = "\n".join(examine(path).faults)
    assert f"{path}: pair.name: is missing" in faults
    assert "links.private.addresses.secondary: is missing" in faults
    assert "links.public.addresses.secondary: is missing" in faults


def test_a_fault_of_the_old_file_is_told_with_the_rest(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + 'interval = "5"\n', old="FAILOVER_PEER_IP=10.0.0.1\n")
    faults = examine(path).faults
    assert any(
        f"{path}:1: import_hostconfig: {tmp_path}/hostconfig:1: FAILOVER_PEER_IP is set, but" in f
        for f in faults
    )
    assert any("pair.interval" in fault for fault in faults)


def test_its_remarks_are_warnings(tmp_path: Path) -> None:
    text = (
        HEAD
        + '[links.private.addresses]\nprimary = "198.51.100.165"\n'
        + '[links.public.addresses]\nprimary = "203.0.113.165"\n'
        + '[groups.web]\naddresses = ["192.0.2.100"]\ninterface = "eth0"\n'
    )
    path = write(tmp_path, text, old='FAILOVER_BCAST_IPS="10.9.8.7 203.0.113.170"\n')
    examined = examine(path, node="primary")
    assert examined.faults == ()
    assert any(f"{path}:1: import_hostconfig: " in each for each in examined.warnings)


def test_a_file_that_is_no_text_at_all_is_one_fault(tmp_path: Path) -> None:
    path = tmp_path / "pair.toml"
    path.write_text("import_hostconfig = 5\n")
    faults = examine(path).faults
    assert f"{path}:1: import_hostconfig: 5 is not a string" in faults
