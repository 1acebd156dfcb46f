"""The pair of the source document, imported from its two hostconfig files, at work.

Its address plan is carried over to documentation ranges: 192.168.254.x is 192.0.2.x here, and
10.0.0.x is 198.51.100.x. The original's primary runs on alpha, its secondary on beta.
"""

import mailbox
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ipfo.testing import processes
from ipfo.testing.lab import HOSTS, PUBLIC, Lab
from ipfo.testing.scene import PATIENCE_S, Scene, scene

pytestmark = [pytest.mark.hosts, pytest.mark.patient, pytest.mark.timeout(120)]

HOME = PUBLIC.address("alpha")
NAMES = {"alpha": "primary", "beta": "secondary"}
GROUP = "ip-192-0-2-165"
RECIPIENT = "user@example.com"

PRIMARY = f"""\
# This file is going away
AFPSERVER=-YES-
FAILOVER_BCAST_IPS="192.0.2.170 198.51.100.170"
FAILOVER_EMAIL_RECIPIENT={RECIPIENT}
"""
SECONDARY = f"""\
AFPSERVER=-NO-
FAILOVER_PEER_IP_PAIRS="en0:192.0.2.165"
FAILOVER_PEER_IP="198.51.100.165"
FAILOVER_EMAIL_RECIPIENT={RECIPIENT}
"""

SCRIPT = """\
#!/bin/sh
echo "${0##*/} $*" >> "@LOG@/$IPFO_NODE"
"""
VETO = SCRIPT + 'test ! -e "@LOG@/veto-$IPFO_NODE-$1"\n'

ACQUIRE = [
    f"{script} acquire {HOME}"
    for script in ("Test", "PreAcq10.StopDIP", "PreAcq2.Mount", "PostAcq20.StartApache")
]
"""The original's order: byte order within a prefix, so 10 comes before 2."""

RELEASE = [f"{script} release {HOME}" for script in ("PreRel10.StopApache", "PostRel30.Mail")]
TEST_RELEASE = f"Test release {HOME}"

ROUTES = [
    "default via 192.0.2.1 dev en0 ",
    f"203.0.113.0/24 via 192.0.2.1 dev en0 src {HOME} metric 5 ",
]


class Old:
    """What an administrator of the original brings along, in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.log.mkdir()
        scripts = folder / "IPFailover" / HOME
        scripts.mkdir(parents=True)
        for line in (*ACQUIRE, *RELEASE):
            path = scripts / line.split()[0]
            text = VETO if path.name == "Test" else SCRIPT
            path.write_text(text.replace("@LOG@", str(self.log)))
            path.chmod(0o755)
        (scripts / "PreAcq30.README").write_text("not executable: not run\n")
        (folder / "primary").write_text(PRIMARY)
        (folder / "secondary").write_text(SECONDARY)

    def imported(self, lab: Lab) -> str:
        """The TOML that the command makes of both files, with the scripts where they lie here."""
        files = [part for name in ("primary", "secondary")
                 for part in (f"--{name}", str(self.folder / name))]  # fmt: skip
        text = lab.run(
            "beta", [sys.executable, "-m", "ipfo", "import", "hostconfig", *files]
        ).stdout
        assert '"/Library/IPFailover"' in text
        return text.replace("/Library/IPFailover", str(self.folder / "IPFailover"))

    def ran(self, host: str) -> list[str]:
        """Which scripts have run on `host` with which arguments, in order."""
        path = self.log / NAMES[host]
        return path.read_text().splitlines() if path.exists() else []

    def veto(self, host: str, verb: str) -> None:
        """From now on ``Test`` refuses `verb` on `host`."""
        (self.log / f"veto-{NAMES[host]}-{verb}").touch()

    def mails(self, host: str) -> list[str]:
        """The subjects of the mails that arrived at the mail server of `host`, oldest first."""
        box = mailbox.Maildir(self.folder / f"mail-{host}", create=False)
        messages = sorted(box.items(), key=lambda item: item[0])
        assert all(message["To"] == RECIPIENT for _, message in messages)
        return [str(message["Subject"]) for _, message in messages]


@contextmanager
def old_pair(lab: Lab, folder: Path) -> Iterator[tuple[Scene, Old]]:
    """The imported pair at work; each host has a mail server of its own, as the original asks."""
    old = Old(folder)
    with scene(lab, folder, old.imported(lab), HOME, names=NAMES) as stage:
        for host in HOSTS:
            box = str(folder / f"mail-{host}")
            server = [sys.executable, "-m", "aiosmtpd", "-n", "-l", "127.0.0.1:25"]
            lab.start(host, [*server, "-c", "aiosmtpd.handlers.Mailbox", box])
        for route in ROUTES:
            lab.run("alpha", ["ip", "route", "add", *route.split()])
        stage.begin()
        stage.whole(holder="alpha")
        yield stage, old


def routes(lab: Lab) -> list[str]:
    shown = lab.run("alpha", ["ip", "-4", "route", "show", "dev", "en0"]).stdout
    kept = [route.replace(" dev en0 ", " ").strip() for route in ROUTES]
    return [line.strip() for line in shown.splitlines() if line.strip() in kept]


def wait_until_ran(old: Old, stage: Scene, host: str, expected: list[str]) -> None:
    """Scripts run beside the move: wait for the last of them, then compare all."""
    stage.pair.wait_for(
        host,
        lambda status: (
            status["groups"][GROUP]["phase"] is None and len(old.ran(host)) >= len(expected)
        ),
        PATIENCE_S,
    )
    assert old.ran(host) == expected


def test_the_imported_pair_does_what_the_article_shows(lab: Lab, tmp_path: Path) -> None:
    with old_pair(lab, tmp_path) as (stage, old):
        wait_until_ran(old, stage, "alpha", ACQUIRE)
        assert old.ran("beta") == []
        assert len(routes(lab)) == 2

        lab.pull("alpha", "private")
        stage.told("beta", "anomaly", "private")
        lab.pull("alpha", "public")
        stage.answered_by("beta")
        wait_until_ran(old, stage, "beta", ACQUIRE)
        # a node whose own carrier is gone holds nothing: no fight when the cables are back
        wait_until_ran(old, stage, "alpha", ACQUIRE + RELEASE)
        assert HOME not in lab.addresses_of("alpha")
        assert routes(lab) == []

        lab.plug("alpha")  # where the article says: do not just plug the cables in
        for host in HOSTS:
            stage.told(host, "recovered", "private")
        assert stage.watch.seen[HOME].holders == {"beta"}
        stage.client.report()

        stage.pair.ask("beta", "failback", GROUP)
        stage.answered_by("alpha")
        wait_until_ran(old, stage, "alpha", ACQUIRE + RELEASE + ACQUIRE)
        wait_until_ran(old, stage, "beta", [*ACQUIRE, TEST_RELEASE, *RELEASE])
        assert len(routes(lab)) == 2
        assert stage.watch.seen[HOME].holders == {"alpha"}
        assert stage.watch.overlaps == {}

        stage.whole(holder="alpha")
        assert any("private" in subject for subject in wait_for_mail(stage, old, "beta", 3))
        assert any(GROUP in subject for subject in old.mails("beta"))
        assert any(GROUP in subject for subject in wait_for_mail(stage, old, "alpha", 2))


def wait_for_mail(stage: Scene, old: Old, host: str, count: int) -> list[str]:
    stage.pair.wait_for(host, lambda _: len(old.mails(host)) >= count, PATIENCE_S)
    return old.mails(host)


def test_a_home_node_whose_heartbeats_were_cut_gives_way_when_they_come_again(
    lab: Lab, tmp_path: Path
) -> None:
    """7.11: it keeps its address while it is alone, and takes it off where the peer claims it."""
    with old_pair(lab, tmp_path) as (stage, _):
        for source, target in (("alpha", "beta"), ("beta", "alpha")):
            lab.cut(source, target)
        stage.watch.wait_for(HOME, {"alpha", "beta"}, PATIENCE_S)  # nothing can prevent that
        lab.heal()
        stage.watch.wait_for(HOME, {"beta"}, PATIENCE_S)
        assert routes(lab) == []
        stage.answered_by("beta")
        for host in HOSTS:
            stage.told(host, "split", GROUP)
        stage.pair.ask("alpha", "failback", GROUP)
        stage.answered_by("alpha")
        assert len(routes(lab)) == 2


def test_a_switch_that_restarts_costs_the_home_node_neither_address_nor_routes(
    lab: Lab, tmp_path: Path
) -> None:
    with old_pair(lab, tmp_path) as (stage, _):
        for host in HOSTS:
            lab.pull(host, "public")
        stage.watch.wait_for(HOME, set(), PATIENCE_S)
        for host in HOSTS:
            lab.plug(host, "public")
        stage.watch.wait_for(HOME, {"alpha"}, PATIENCE_S)
        stage.whole(holder="alpha")
        assert len(routes(lab)) == 2
        assert stage.watch.overlaps == {}


def test_a_failing_test_keeps_the_address_where_it_is(lab: Lab, tmp_path: Path) -> None:
    """ "Notification only": with a failing ``Test`` the original sends mail and moves nothing."""
    with old_pair(lab, tmp_path) as (stage, old):
        old.veto("beta", "acquire")
        lab.pull("alpha")
        stage.told("beta", "veto", GROUP)
        assert HOME not in lab.addresses_of("beta")
        assert set(old.ran("beta")) == {ACQUIRE[0]}  # it asks, and nothing has begun
        lab.plug("alpha")
        stage.answered_by("alpha")
        stage.whole(holder="alpha")
        refused = lab.run("alpha", stage.pair.words("alpha", "handover", GROUP), check=False)
        assert refused.returncode == 1
        assert len(refused.stderr.splitlines()) == 1, refused.stderr
        assert stage.watch.overlaps == {}
        assert any("was not taken" in text for text in wait_for_mail(stage, old, "beta", 2))


def test_the_secondary_booted_first_does_not_take_the_address(lab: Lab, tmp_path: Path) -> None:
    """The original's secondary would take over at once."""
    old = Old(tmp_path)
    with scene(lab, tmp_path, old.imported(lab), HOME, names=NAMES) as stage:
        stage.pair.start("beta")
        processes.wait(stage.pair.daemons["beta"], 7)  # longer than the takeover of 5 s
        stage.pair.wait_for("beta", lambda status: status["peer"]["alive"] is False, PATIENCE_S)
        stage.pair.start("alpha")
        stage.whole(holder="alpha")
        assert [set(holders) for _, holders in stage.watch.seen[HOME].turns] == [{"alpha"}]
        assert old.ran("beta") == []
