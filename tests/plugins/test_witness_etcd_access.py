"""The voter by etcd over TLS, as a user, and in a namespace; and nobody is told a secret."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ipfo.plugin import Claim

from .authority import Authority
from .etcd import Etcd, Files, loopback, text64
from .meddler import meddling
from .voting import make

TTL_S = 2
WEB = Claim("www", "web", "alpha", 1)
PASSWORD = "correct horse"


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.touch(mode=0o600)
    path.write_text(f"{PASSWORD}\n")
    return path


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etcd]:
    """One member where a user "ipfo" may do what it likes below /ipfo, and nobody else may."""
    etcd = Etcd(tmp_path_factory.mktemp("guarded"))
    below = {"key": text64("/ipfo/"), "range_end": text64("/ipfo0")}
    try:
        etcd.start(1)
        for user, role in (("root", "root"), ("ipfo", "ipfo")):
            etcd.ask("auth/user/add", {"name": user, "password": PASSWORD})
            etcd.ask("auth/role/add", {"name": role})
            etcd.ask("auth/user/grant", {"user": user, "role": role})
        permission = {"permType": "READWRITE", **below}
        etcd.ask("auth/role/grant", {"name": "ipfo", "perm": permission})
        etcd.ask("auth/enable", {})
        yield etcd
    finally:
        etcd.stop()


def test_a_user_votes_below_its_prefix_and_nowhere_else(guarded: Etcd, password_file: Path) -> None:
    login = {"user": "ipfo", "password_file": str(password_file)}
    voter = make(guarded.endpoints, **login)
    for _ in range(2):
        assert voter.vote([WEB], TTL_S, 2) == {}
    voter.withdraw(WEB, 2)
    with pytest.raises(OSError, match="permission denied"):
        make(guarded.endpoints, prefix="/other", **login).vote([WEB], TTL_S, 2)


def test_nobody_is_nobody_there(guarded: Etcd) -> None:
    with pytest.raises(OSError, match="user name is empty"):
        make(guarded.endpoints).vote([WEB], TTL_S, 2)


def test_a_wrong_password_is_told_without_it(guarded: Etcd, password_file: Path) -> None:
    password_file.write_text("battery staple\n")
    voter = make(guarded.endpoints, user="ipfo", password_file=str(password_file))
    with pytest.raises(OSError, match="invalid user ID or password") as caught:
        voter.vote([WEB], TTL_S, 2)
    assert "staple" not in str(caught.value)
    password_file.write_text(f"{PASSWORD}\n")  # read anew, without a restart
    assert voter.vote([WEB], TTL_S, 2) == {}


@pytest.mark.parametrize("hangs_up", [False, True])
def test_a_token_that_etcd_has_forgotten_is_fetched_anew(
    guarded: Etcd, password_file: Path, *, hangs_up: bool
) -> None:
    """Some versions hang up on such a token: etcd-io/etcd#20332."""
    with meddling(guarded.endpoints[0]) as meddler:
        voter = make([meddler.endpoint], user="ipfo", password_file=str(password_file))
        assert voter.vote([WEB], TTL_S, 2) == {}
        forget_tokens(guarded)
        meddler.hangs_up_on_refusals = hangs_up
        before = len(meddler.asked)
        assert voter.vote([WEB], TTL_S, 5) == {}
        assert "auth/authenticate" in meddler.asked[before:]


def forget_tokens(etcd: Etcd) -> None:
    """As when they are not used for five minutes."""
    token = etcd.ask("auth/authenticate", {"name": "root", "password": PASSWORD})["token"]
    etcd.ask("auth/disable", {}, token=token)
    etcd.ask("auth/enable", {})


def test_a_password_file_that_others_can_read_is_not_used(
    guarded: Etcd, password_file: Path
) -> None:
    password_file.chmod(0o644)
    voter = make(guarded.endpoints, user="ipfo", password_file=str(password_file))
    with pytest.raises(OSError, match="chmod 600"):
        voter.vote([WEB], TTL_S, 2)


def test_a_password_where_none_is_asked_for_is_told(tmp_path: Path, password_file: Path) -> None:
    own = Etcd(tmp_path / "own")
    try:
        voter = make(own.start(1), user="ipfo", password_file=str(password_file))
        with pytest.raises(OSError, match="authentication is not enabled"):
            voter.vote([WEB], TTL_S, 2)
    finally:
        own.stop()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def secure(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etcd]:
    """One member that speaks https, and asks who is there."""
    cert, key = authority.sign("server", [loopback(0)])
    files = Files(authority.ca, cert, key, asks_clients=True)
    etcd = Etcd(tmp_path_factory.mktemp("secure"), tls=files)
    try:
        etcd.start(1)
        yield etcd
    finally:
        etcd.stop()


def test_over_tls_with_a_certificate_of_its_own(secure: Etcd, authority: Authority) -> None:
    cert, key = authority.sign("alpha")
    files = {"cert_file": str(cert), "key_file": str(key)}
    voter = make(secure.endpoints, ca_file=str(authority.ca), **files)
    for _ in range(2):
        assert voter.vote([WEB], TTL_S, 2) == {}


def test_without_a_certificate_it_is_turned_away(secure: Etcd, authority: Authority) -> None:
    with pytest.raises(OSError, match=r"certificate|EOF|reset"):
        make(secure.endpoints, ca_file=str(authority.ca)).vote([WEB], TTL_S, 2)


def test_an_etcd_for_which_nobody_vouches_is_not_asked(secure: Etcd) -> None:
    with pytest.raises(OSError, match="certificate verify failed"):
        make(secure.endpoints).vote([WEB], TTL_S, 2)


def test_a_key_that_others_can_read_is_not_used(secure: Etcd, authority: Authority) -> None:
    cert, key = authority.sign("beta")
    key.chmod(0o640)
    voter = make(
        secure.endpoints, ca_file=str(authority.ca), cert_file=str(cert), key_file=str(key)
    )
    with pytest.raises(OSError, match="chmod 600"):
        voter.vote([WEB], TTL_S, 2)


def test_files_that_are_none_are_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"no-such\.pem: No such file"):
        make(["https://127.0.0.1:1"], ca_file=str(tmp_path / "no-such.pem")).vote([WEB], TTL_S, 2)


@pytest.mark.root
def test_the_fixture_runs_in_a_namespace(tmp_path: Path) -> None:
    """Host tests use it so; asked is it through the namespace, too."""
    name = f"ipfo-etcd-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    etcd = Etcd(tmp_path / "inside", namespace=name)
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        addresses = ["192.0.2.11", "2001:db8::12", "192.0.2.13"]
        for each in addresses:
            subprocess.run(["ip", "-n", name, "addr", "add", each, "dev", "lo"], check=True)
        etcd.start(addresses=addresses)
        leader = etcd.leader()
        etcd.kill(leader)
        assert etcd.leader() != leader
        etcd.restart(leader)
    finally:
        etcd.stop()
        subprocess.run(["ip", "netns", "delete", name], check=True)
