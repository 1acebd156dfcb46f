"""Mail, to a real server: plain, STARTTLS, TLS, login, refusals, and one real MTA from Debian."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ipfo import clock
from ipfo.model import SECOND, Epoch, Event, Notice, Reason, Role
from ipfo.plugin import Notifier
from ipfo.plugin.registry import Registry
from ipfo.testing import check_notifier

from .sink import PASSWORD, USER, Sink, certificate

NOTICE = Notice(
    key="beta-1f00ba-17",
    at="2026-01-02T03:04:05.678Z",
    event=Event.TAKEOVER,
    pair="www",
    node="beta",
    peer="alpha",
    headline="web is now held by beta",
    detail="no heartbeat of alpha on public and private for 3.0 s",
    group="web",
    role=Role.HOLDER,
    epoch=Epoch(5),
    reason=Reason.TAKEOVER,
)


def make(port: int, **options: Any) -> Notifier:
    """As ipfo builds it."""
    offer = Registry(["smtp"]).notifiers()["smtp"]
    defaults = {k: p["default"] for k, p in offer.schema["properties"].items() if "default" in p}
    given = {"to": ["user@example.com"], "server": "127.0.0.1", "port": port, **options}
    return offer.build({**defaults, **given})


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A server that takes everything, in the clear."""
    with Sink() as made:
        yield made


@pytest.fixture(scope="module")
def cert(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A throw-away certificate."""
    return certificate(tmp_path_factory.mktemp("cert"))


@pytest.fixture
def password(tmp_path: Path) -> Path:
    """A password file as it should be."""
    path = tmp_path / "password"
    path.write_text(PASSWORD + "\n")
    path.chmod(0o600)
    return path


def test_it_keeps_the_contract(sink: Sink) -> None:
    check_notifier(lambda: make(sink.port), sink.texts)


def test_the_subject_says_which_group_went_where_and_why(sink: Sink) -> None:
    make(sink.port).notify(NOTICE)
    (mail,) = sink.messages()
    assert mail["Subject"] == "[ipfo www] web is now held by beta (takeover, epoch 5)"


def test_headers_are_those_that_mail_wants(sink: Sink) -> None:
    make(sink.port, **{"from": "ipfo@example.com", "to": ["a@example.com", "root"]}).notify(NOTICE)
    ((recipients, mail),) = sink.envelopes
    assert recipients == ("a@example.com", "root")
    assert mail["Message-ID"] == "<beta-1f00ba-17@example.com>"
    assert mail["Date"] == "Fri, 02 Jan 2026 03:04:05 +0000"
    assert mail["From"] == "ipfo@example.com"
    assert mail["To"] == "a@example.com, root"
    assert mail["Auto-Submitted"] == "auto-generated"


def test_the_body_says_all(sink: Sink) -> None:
    make(sink.port).notify(NOTICE)
    (mail,) = sink.messages()
    text = mail.get_content()
    words = "web is now held by beta|no heartbeat of alpha|takeover|www|holder|5|beta-1f00ba-17"
    for word in (*words.split("|"), NOTICE.at):
        assert word in text


def test_without_a_sender_it_is_ipfo_at_this_host(sink: Sink) -> None:
    make(sink.port).notify(NOTICE)
    (mail,) = sink.messages()
    assert mail["From"] == f"ipfo@{socket.getfqdn()}"


def test_nothing_in_a_notice_makes_a_header(sink: Sink) -> None:
    evil = replace(
        NOTICE,
        headline="x\r\nBcc: evil@example.com\r\n\r\nbody \u2028 Störung \ud800",
        pair="w\nX-Evil: 1",
        key="k\r\nX-Evil: 1>",
        at="no time at all",
    )
    make(sink.port).notify(evil)
    ((recipients, mail),) = sink.envelopes
    assert recipients == ("user@example.com",)
    assert set(mail.keys()) & {"Bcc", "X-Evil"} == set()
    assert "Störung" in mail["Subject"]
    assert mail["Message-ID"].startswith("<k_d__a_X-Evil_3a__20_1_3e_@")


def test_different_keys_make_different_message_ids(sink: Sink) -> None:
    notifier = make(sink.port)
    for key in ("a b", "a_20_b", "a\tb"):
        notifier.notify(replace(NOTICE, key=key))
    assert len({mail["Message-ID"] for mail in sink.messages()}) == 3


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_it_logs_in_over_tls(cert: tuple[Path, Path], password: Path, tls: str) -> None:
    with Sink(cert=cert, tls=tls, login=tls == "starttls") as sink:
        login: dict[str, Any] = {"user": USER, "password_file": str(password)}
        make(
            sink.port, tls=tls, ca_file=str(cert[0]), **(login if tls == "starttls" else {})
        ).notify(NOTICE)
        assert len(sink.messages()) == 1
        assert sink.secure == [True]


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_a_server_that_nobody_vouches_for_gets_nothing(cert: tuple[Path, Path], tls: str) -> None:
    with Sink(cert=cert, tls=tls) as sink:
        with pytest.raises(OSError, match="certificate verify failed"):
            make(sink.port, tls=tls).notify(NOTICE)
        assert sink.messages() == []


def test_a_server_without_starttls_gets_nothing(sink: Sink) -> None:
    with pytest.raises(OSError, match="STARTTLS"):
        make(sink.port, tls="starttls").notify(NOTICE)
    assert sink.messages() == []


def test_a_login_that_is_refused_is_told_without_the_password(
    cert: tuple[Path, Path], password: Path
) -> None:
    password.write_text("wrong battery staple\n")
    options = {"tls": "starttls", "ca_file": str(cert[0]), "user": USER}
    with Sink(cert=cert, tls="starttls", login=True) as sink:
        with pytest.raises(OSError, match=f"refuses the login of {USER}") as caught:
            make(sink.port, password_file=str(password), **options).notify(NOTICE)
        assert "battery" not in str(caught.value)
        assert sink.messages() == []


@pytest.mark.parametrize(
    ("content", "mode", "why"),
    [
        (b"secret\n", 0o640, "others than its owner may read it"),
        (b"\n", 0o600, "its first line is empty"),
        (b"\xff\n", 0o600, "it is not UTF-8"),
    ],
)
def test_a_password_file_that_will_not_do(
    cert: tuple[Path, Path], password: Path, content: bytes, mode: int, why: str
) -> None:
    password.write_bytes(content)
    password.chmod(mode)
    options = {"tls": "starttls", "ca_file": str(cert[0]), "user": USER}
    with Sink(cert=cert, tls="starttls", login=True) as sink:
        with pytest.raises(OSError, match=why):
            make(sink.port, password_file=str(password), **options).notify(NOTICE)
        assert sink.messages() == []


def test_when_all_are_refused_it_is_a_failure_that_names_them(sink: Sink) -> None:
    sink.refuse = {"user@example.com": "550 no such user"}
    with pytest.raises(OSError, match=r"refuses all recipients: user@example.com: 550 no such"):
        make(sink.port).notify(NOTICE)


def test_who_has_it_is_not_written_to_again(sink: Sink) -> None:
    notifier = make(sink.port, to=["a@example.com", "b@example.com"])
    sink.refuse = {"b@example.com": "451 later"}
    for _ in range(5):  # for now is not for good
        with pytest.raises(OSError, match=r"b@example\.com: 451 later"):
            notifier.notify(NOTICE)
        sink.refuse["a@example.com"] = "451 should not be asked"
    sink.refuse = {}
    notifier.notify(NOTICE)
    assert [recipients for recipients, _ in sink.envelopes] == [
        ("a@example.com",),
        ("b@example.com",),
    ]


def test_one_wrong_address_does_not_hold_up_what_comes_after(
    sink: Sink, capsys: pytest.CaptureFixture[str]
) -> None:
    notifier = make(sink.port, to=["a@example.com", "wrong@example.com"])
    sink.refuse = {"wrong@example.com": "550 no such user"}
    with pytest.raises(OSError, match=r"refuses some recipients: wrong@example\.com"):
        notifier.notify(NOTICE)
    with pytest.raises(OSError, match=r"refuses some recipients: wrong@example\.com"):
        notifier.notify(NOTICE)
    notifier.notify(NOTICE)
    assert "given up for notice beta-1f00ba-17: wrong@example.com" in capsys.readouterr().err
    assert [recipients for recipients, _ in sink.envelopes] == [("a@example.com",)]


def test_a_server_that_is_not_there_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"127.0.0.1 port {port}: .*refused"):
            make(port).notify(NOTICE)


def test_a_server_that_says_nothing_times_out() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(OSError, match="timed out"),
    ):
        make(silent.getsockname()[1], timeout="200ms").notify(NOTICE)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"user": "u"}, "user and password_file"),
        ({"password_file": "/p"}, "user and password_file"),
        ({"user": "u", "password_file": "/p", "server": "mail.example"}, "in the clear"),
        ({"timeout": "0s"}, "is no time"),
    ],
)
def test_what_a_schema_cannot_say_is_refused_at_the_start(
    options: dict[str, Any], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        make(25, **options)


SMTPD_CONF = """\
listen on 127.0.0.1 port {port} hostname mta.example
action "onward" relay host smtp://127.0.0.1:{onward}
match from any for any action "onward"
"""


@pytest.mark.root
@pytest.mark.skipif(not shutil.which("smtpd"), reason="opensmtpd is not installed")
def test_a_real_mta_takes_it_and_sends_it_on(sink: Sink, tmp_path: Path) -> None:
    """OpenSMTPD, with its queue and socket in a mount namespace of its own."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    conf = tmp_path / "smtpd.conf"
    conf.write_text(SMTPD_CONF.format(port=port, onward=sink.port))
    script = (
        "mount -t tmpfs -o mode=755 none /run && mount -t tmpfs -o mode=755 none /var/spool"
        f" && mkdir -m 711 /var/spool/smtpd && exec smtpd -d -f {conf}"
    )
    with (tmp_path / "log").open("w") as log:
        mta = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", script],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        give_up_at = clock.now() + 20 * SECOND
        notifier = make(port, to=["user@example.com", "other@example.com"])
        while True:
            assert mta.poll() is None, (tmp_path / "log").read_text()
            try:
                notifier.notify(NOTICE)
                break
            except OSError:
                assert clock.now() < give_up_at, (tmp_path / "log").read_text()
        while sum(len(to) for to, _ in sink.envelopes) < 2:
            assert clock.now() < give_up_at, (tmp_path / "log").read_text()
            os.sched_yield()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(mta.pid, signal.SIGTERM)
        mta.wait()
    mail = sink.messages()[0]
    assert "mta.example" in str(mail["Received"])
    assert mail["Subject"] == "[ipfo www] web is now held by beta (takeover, epoch 5)"
    assert str(mail["Message-ID"]).startswith("<beta-1f00ba-17@")
