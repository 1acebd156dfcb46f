"""The lab itself: what the other host tests see must be what happens."""

import select
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from ipfo.testing import processes
from ipfo.testing.echo import PORT
from ipfo.testing.lab import PRIVATE, PUBLIC, Lab, Network, remove_leftovers
from ipfo.testing.netns import socket_in
from ipfo.testing.watch import judge

pytestmark = [pytest.mark.hosts, pytest.mark.patient]

SERVICE = PUBLIC.numbered("100")
SERVICE_6 = PUBLIC.numbered("100", 6)
NOBODY: frozenset[str] = frozenset()


@pytest.fixture(scope="module", autouse=True)
def echoes(lab: Lab) -> None:
    for host in ("alpha", "beta"):
        lab.start_echo(host)


def put(lab: Lab, host: str, address: str) -> None:
    prefix = PUBLIC.prefix(6 if ":" in address else 4)
    lab.run(host, ["ip", "addr", "add", f"{address}/{prefix}", "dev", PUBLIC.interface])
    # what an announcement does: the client forgets where the address was
    lab.run("client", ["ip", "neigh", "flush", "to", address])


def take(lab: Lab, host: str, address: str) -> None:
    prefix = PUBLIC.prefix(6 if ":" in address else 4)
    lab.run(host, ["ip", "addr", "del", f"{address}/{prefix}", "dev", PUBLIC.interface])


def reaches(lab: Lab, host: str, address: str, tries: int = 50) -> bool:
    """Whether an echo at `address` answers `host`; asked `tries` times, 0.1 s apart.

    Linux lets an interface send again up to a second after its carrier came back (linkwatch).
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    namespace = Path("/run/netns", lab.namespace(host))
    with socket_in(namespace, family, socket.SOCK_DGRAM) as asking:
        for _ in range(tries):
            with suppress(OSError):
                asking.sendto(b"?", (address, PORT))
            if select.select([asking], [], [], 0.1)[0]:
                return True
    return False


def carrier(lab: Lab, host: str, interface: str) -> bool:
    return "LOWER_UP" in lab.run(host, ["ip", "-o", "link", "show", interface]).stdout


@pytest.mark.parametrize("network", [PUBLIC, PRIVATE], ids=lambda n: n.name)
@pytest.mark.parametrize("version", [4, 6])
def test_the_hosts_hear_each_other_on_both_networks(
    lab: Lab, network: Network, version: int
) -> None:
    assert reaches(lab, "alpha", network.address("beta", version))


def test_a_pulled_cable_takes_the_carrier_of_that_interface_alone(lab: Lab) -> None:
    lab.pull("alpha", "private")
    assert not carrier(lab, "alpha", "fw0")
    assert carrier(lab, "alpha", "en0")
    assert not reaches(lab, "alpha", PRIVATE.address("beta"), tries=3)
    lab.plug("alpha", "private")
    assert carrier(lab, "alpha", "fw0")
    assert reaches(lab, "alpha", PRIVATE.address("beta"))


def test_a_cut_is_one_way_and_heals(lab: Lab) -> None:
    beta = PRIVATE.address("beta")
    namespaces = {host: Path("/run/netns", lab.namespace(host)) for host in ("alpha", "beta")}
    assert reaches(lab, "alpha", beta)  # both know each other's card from here on
    lab.cut("beta", "alpha", "private")
    with (
        socket_in(namespaces["alpha"], socket.AF_INET, socket.SOCK_DGRAM) as there,
        socket_in(namespaces["beta"], socket.AF_INET, socket.SOCK_DGRAM) as here,
    ):
        here.bind((beta, 0))
        there.sendto(b"to beta", here.getsockname())
        assert select.select([here], [], [], 5)[0]
        assert here.recv(100) == b"to beta"
    assert not reaches(lab, "alpha", beta, tries=3)
    assert reaches(lab, "alpha", PUBLIC.address("beta"))
    lab.heal()
    assert reaches(lab, "alpha", beta)


@pytest.mark.parametrize("address", [SERVICE, SERVICE_6])
def test_the_client_counts_what_a_move_costs_and_says_who_answered(lab: Lab, address: str) -> None:
    put(lab, "alpha", address)
    with lab.asking(address) as client:
        client.answered_by("alpha", 5, address)
        client.report()  # what was lost before the first answer is not of this test
        take(lab, "alpha", address)
        put(lab, "beta", address)
        client.answered_by("beta", 5, address)
        report = client.report()[address]
    take(lab, "beta", address)

    assert [stay["host"] for stay in report["hosts"]] == ["alpha", "beta"]
    (gap,) = report["gaps"]
    assert (gap["before"], gap["after"]) == ("alpha", "beta")
    assert gap["lost"] == report["lost"] > 0
    answers = sum(stay["answers"] for stay in report["hosts"])
    assert answers + report["lost"] == report["sent"]
    between = report["hosts"][1]["from_ms"] - report["hosts"][0]["to_ms"]
    assert gap["gap_ms"] == pytest.approx(between)


def test_a_client_that_stands_still_loses_nothing(lab: Lab) -> None:
    put(lab, "alpha", SERVICE)
    with lab.asking(SERVICE) as client:
        client.answered_by("alpha", 5, SERVICE)
        client.report()
        stopped = lab.pids("client")
        processes.signal_all(stopped, signal.SIGSTOP)
        processes.wait(lab.start("client", ["sleep", "0.2"]), 5)
        processes.signal_all(stopped, signal.SIGCONT)
        report = client.report()[SERVICE]
    take(lab, "alpha", SERVICE)
    assert report["lost"] == 0, report["gaps"]


def test_a_cut_by_chance_loses_some_and_no_more(lab: Lab) -> None:
    put(lab, "alpha", SERVICE)
    with lab.asking(SERVICE) as client:
        client.answered_by("alpha", 5, SERVICE)
        client.report()
        lab.cut("client", "alpha", permille=500)
        client.wait_for(lambda fact: fact["event"] == "answer" and fact["missing"] > 4, 10)
        lab.heal()
        report = client.report()[SERVICE]
    take(lab, "alpha", SERVICE)
    assert 0 < report["lost"] < report["sent"]
    assert sum(gap["lost"] for gap in report["gaps"]) == report["lost"]


def test_the_watch_sees_who_has_an_address_and_when_two_have_it(lab: Lab) -> None:
    with lab.watching(SERVICE, SERVICE_6) as watch:
        put(lab, "alpha", SERVICE)
        first = watch.wait_for(SERVICE, {"alpha"}, 5)
        assert SERVICE in lab.addresses_of("alpha")
        take(lab, "alpha", SERVICE)
        put(lab, "beta", SERVICE)
        second = watch.wait_for(SERVICE, {"beta"}, 5)
        assert watch.overlaps == {}
        put(lab, "alpha", SERVICE)
        watch.wait_for(SERVICE, {"alpha", "beta"}, 5)
        take(lab, "alpha", SERVICE)
        watch.wait_for(SERVICE, {"beta"}, 5)
        take(lab, "beta", SERVICE)
    assert first < second
    assert list(watch.overlaps) == [SERVICE]
    assert watch.seen[SERVICE_6].turns[0][1] == NOBODY


HOLDERS = ("alpha", "beta")
BOTH = frozenset(HOLDERS)


@pytest.mark.parametrize(
    ("first", "again", "told"),
    [
        ([True, False], [True, False], [frozenset({"alpha"})]),
        ([True, False], [False, True], [frozenset({"beta"})]),
        ([True, True], [False, True], [frozenset({"beta"})]),  # it moved after alpha was asked
        ([True, False], [True, True], [NOBODY]),  # undecided: as it was known before
        ([True, True], [True, True], [BOTH]),
        ([True, True], [True, False], [BOTH, frozenset({"alpha"})]),  # beta, within alpha's stay
        ([False, True], [True, True], [BOTH]),  # alpha, within beta's stay
    ],
)
def test_only_an_overlap_that_is_proven_is_told(
    first: list[bool], again: list[bool], told: list[frozenset[str]]
) -> None:
    assert judge(HOLDERS, first, again, NOBODY) == told


def test_a_power_cut_leaves_no_process_and_no_address(lab: Lab) -> None:
    put(lab, "beta", SERVICE)
    sleeper = lab.start("beta", ["sleep", "60"])
    lab.power_off("beta")
    assert processes.wait(sleeper, 5)
    assert lab.pids("beta") == []
    assert not lab.addresses_of("beta") & {
        SERVICE,
        PUBLIC.address("beta"),
        PUBLIC.address("beta", 6),
    }
    lab.power_on("beta")
    assert SERVICE not in lab.addresses_of("beta")
    assert reaches(lab, "client", PUBLIC.address("beta"))
    assert reaches(lab, "client", PUBLIC.address("beta", 6))


def test_nothing_is_left_of_a_lab_that_failed() -> None:
    labs: list[Lab] = []

    def fail() -> None:
        with Lab.open("gone") as lab:
            labs.append(lab)
            lab.start_echo("alpha")
            assert lab.pids("alpha") != []
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not list(Path("/run/netns").glob(f"{labs[0].name}-*"))


def test_a_lab_whose_process_died_is_taken_away_by_the_next() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    name = f"ipfo-lab-{ended.pid}-1-left-alpha"
    subprocess.run(["ip", "netns", "add", name], check=True)
    remove_leftovers()
    assert not Path("/run/netns", name).exists()
