"""Two hosts and a client as network namespaces on this machine, with cables that can be pulled.

Each host has one cable to each of two networks; the client is on the public one. The networks are
bridges in a namespace of their own, the switch, so nothing here touches the machine's own network,
and a cable is pulled at the switch: the host sees its carrier go. Linux, root.
"""

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import IO, Any

from ipfo.errors import HostError, NotAllowedError
from ipfo.testing import processes
from ipfo.testing.asking import Asking
from ipfo.testing.echo import PORT as ECHO_PORT
from ipfo.testing.watch import Eye, Watch

HOSTS = ("alpha", "beta")
CLIENT = "client"
SWITCH = "switch"

_PREFIX = "ipfo-lab"
_NETNS = Path("/run/netns")
_NUMBERS = {"alpha": "165", "beta": "170", CLIENT: "1"}  # the last part, as in the article
_lab_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Network:
    """One of the two networks; `interface` is what its cable is called on each host."""

    name: str
    interface: str
    v4: IPv4Network
    v6: IPv6Network

    def address(self, host: str, version: int = 4) -> str:
        """The address of `host` here, without prefix."""
        return self.numbered(_NUMBERS[host], version)

    def numbered(self, number: str, version: int = 4) -> str:
        """The address that ends in `number`: 192.0.2.NUMBER or 2001:db8:1::NUMBER."""
        if version == 4:
            return str(self.v4.network_address).removesuffix(".0") + "." + number
        return str(self.v6.network_address) + number

    def prefix(self, version: int = 4) -> int:
        """The prefix length."""
        return self.v4.prefixlen if version == 4 else self.v6.prefixlen


PUBLIC = Network("public", "en0", IPv4Network("192.0.2.0/24"), IPv6Network("2001:db8:1::/64"))
PRIVATE = Network("private", "fw0", IPv4Network("198.51.100.0/24"), IPv6Network("2001:db8:2::/64"))
NETWORKS = {network.name: network for network in (PUBLIC, PRIVATE)}


class Lab:
    """A running lab. Open it with `Lab.open`, which also takes it away again.

    A host is ``alpha``, ``beta`` or ``client``; a network ``public`` or ``private``.
    """

    def __init__(self, name: str) -> None:
        """Nothing is made yet: see `open`."""
        self.name = name
        self._started: list[subprocess.Popen[str]] = []
        self._echoes: set[str] = set()
        self._eyes: dict[str, Eye] = {}
        self._is_cut = False

    @classmethod
    @contextmanager
    def open(cls, name: str = "") -> Iterator["Lab"]:
        """Make a lab; at the end, however it comes, its processes and namespaces are gone.

        What a lab whose process has died left behind goes first.

        :raises NotAllowedError: without root.
        :raises HostError: where ``ip`` or the kernel's part is missing.
        """
        if os.geteuid() != 0:
            raise NotAllowedError("the lab makes network namespaces: run it as root")
        if shutil.which("ip") is None:
            raise HostError("the lab needs the command `ip`: install iproute2")
        remove_leftovers()
        number = f"{os.getpid()}-{next(_lab_numbers)}"
        lab = cls("-".join(part for part in (_PREFIX, number, name) if part))
        try:
            lab._build()
            yield lab
        finally:
            lab._remove()

    # -- the wire ---------------------------------------------------------------------------

    def pull(self, host: str, *networks: str) -> None:
        """Pull the cables of `host` to `networks` (none named: all of its own) at once."""
        self._ports(host, networks, "down")

    def plug(self, host: str, *networks: str) -> None:
        """Plug them in again."""
        self._ports(host, networks, "up")

    def cut(
        self,
        source: str,
        target: str,
        network: str | None = None,
        *,
        permille: int = 1000,
        only: str = "",
    ) -> None:
        """Lose what goes from `source` to `target`, one way: all of it, or `permille` by chance.

        `only` is what it concerns, in nftables' words, such as ``udp dport 1694``.
        """
        chance = "" if permille >= 1000 else f"numgen random mod 1000 < {permille}"
        rules = ["add table bridge lab"]
        rules.append("add chain bridge lab cuts { type filter hook forward priority 0; }")
        rules += [
            f'add rule bridge lab cuts iifname "{source}-{name}" oifname "{target}-{name}" '
            f"{only} {chance} drop"
            for name in ([network] if network else networks_of(source))
        ]
        self._batch(["nft", "-f", "-"], rules)
        self._is_cut = True

    def heal(self) -> None:
        """End every cut."""
        if self._is_cut:
            self._batch(["nft", "-f", "-"], ["delete table bridge lab"])
        self._is_cut = False

    # -- the hosts --------------------------------------------------------------------------

    def namespace(self, host: str) -> str:
        """The name of the namespace of `host`, as ``ip netns`` has it."""
        return f"{self.name}-{host}"

    def run(
        self, host: str, argv: Sequence[str], *, check: bool = True, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run `argv` on `host` and wait for its end; its output is kept.

        :raises HostError: with `check`, where it failed.
        """
        return _run([*self._into(host), *argv], check=check, stdin=stdin)

    def start(
        self,
        host: str,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        stdin: int | None = subprocess.DEVNULL,
        stdout: int | IO[Any] | None = None,
        stderr: int | IO[Any] | None = None,
    ) -> subprocess.Popen[str]:
        """Start `argv` on `host`, in a session of its own; it ends with the lab at the latest."""
        process = subprocess.Popen(  # noqa: S603 - the caller's own command
            [*self._into(host), *argv],
            env=None if env is None else {**os.environ, **env},
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            text=True,
            start_new_session=True,
        )
        self._started.append(process)
        return process

    def start_echo(self, host: str) -> None:
        """From now on `host` answers datagrams that reach it, and says that it was `host`."""
        program = [sys.executable, "-m", "ipfo.testing.echo", host]
        process = self.start(host, program, stdout=subprocess.PIPE)
        assert process.stdout is not None
        ready = process.stdout.readline()
        process.stdout.close()
        if ready != "ready\n":
            raise HostError(f"{host}: the echo on port {ECHO_PORT} did not start")
        self._echoes.add(host)

    @contextmanager
    def asking(self, *addresses: str, rate: int = 1000) -> Iterator[Asking]:
        """The client asks `addresses`, each `rate` times a second; see `ipfo.testing.client`."""
        program = [sys.executable, "-m", "ipfo.testing.client", "--rate", str(rate), *addresses]
        process = self.start(CLIENT, program, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            yield Asking(process)
        finally:
            processes.end([process])

    def watching(self, *addresses: str) -> Watch:
        """A look every 20 ms at which host has each of `addresses`; a context manager."""
        return Watch({host: _NETNS / self.namespace(host) for host in HOSTS}, addresses)

    def addresses_of(self, host: str) -> set[str]:
        """Every address that `host` has now on any interface, as its kernel says."""
        return self._eyes[host].addresses()

    def pids(self, host: str) -> list[int]:
        """Every process that runs on `host`."""
        return [int(pid) for pid in _ip("netns", "pids", self.namespace(host)).split()]

    def power_off(self, host: str, *, to_the_millisecond: bool = False) -> None:
        """Cut the power of `host`: its cables are dead, its processes and addresses gone.

        The kernel takes 10 ms for each cable. `to_the_millisecond`: all of them at the same instant.
        """
        if to_the_millisecond:
            self._silence(host)
        self.pull(host)
        processes.kill_all(self.pids(host))
        lines = [f"addr flush dev {network.interface}" for network in NETWORKS.values()]
        self._batch([*self._into(host), "ip", "-batch", "-"], lines)
        if to_the_millisecond:
            self._batch(["nft", "-f", "-"], ["delete table bridge power"])

    def _silence(self, host: str) -> None:
        """Nothing goes from or to `host` any more, from one instant on."""
        ports = ", ".join(f'"{host}-{name}"' for name in networks_of(host))
        rules = ["add table bridge power"]
        for hook, way in (("prerouting", "iifname"), ("postrouting", "oifname")):
            rules.append(f"add chain bridge power {hook} {{ type filter hook {hook} priority 0; }}")
            rules.append(f"add rule bridge power {hook} {way} {{ {ports} }} drop")
        self._batch(["nft", "-f", "-"], rules)

    def power_on(self, host: str) -> None:
        """Power is back: cables, own addresses and the echo, where one ran; no daemon."""
        self._address(host)
        self.plug(host)
        if host in self._echoes:
            self.start_echo(host)

    def reset(self) -> None:
        """As new: nothing runs on the hosts, they have their own addresses only, no wire is cut."""
        for host in HOSTS:
            self.power_off(host)
            self._echoes.discard(host)
            self.power_on(host)
        self.heal()

    @contextmanager
    def guest(self, name: str, *numbers: str) -> Iterator[str]:
        """One more host on the public network, with the addresses that end in `numbers`.

        Gone at the end, with all that runs on it; `reset` leaves it alone.
        """
        _ip("netns", "add", self.namespace(name))
        try:
            self._batch([*self._into(SWITCH), "ip", "-batch", "-"], [*self._cables(name)])
            self._set(name, "all/accept_dad", 0)
            self._set(name, f"{PUBLIC.interface}/accept_dad", 0)
            self._up(name, [(PUBLIC, number) for number in numbers])
            yield name
        finally:
            # with the namespace alone it would go some time later, and its name be taken
            self._batch([*self._into(SWITCH), "ip", "-batch", "-"], [f"link del {name}-public"])
            _remove_namespace(self.namespace(name))

    # -- making and taking away -------------------------------------------------------------

    def _into(self, host: str) -> list[str]:
        return ["ip", "netns", "exec", self.namespace(host)]

    def _ports(self, host: str, networks: Sequence[str], state: str) -> None:
        lines = [f"link set {host}-{name} {state}" for name in networks or networks_of(host)]
        self._batch([*self._into(SWITCH), "ip", "-batch", "-"], lines)

    def _batch(self, argv: Sequence[str], lines: Sequence[str]) -> None:
        into = [] if argv[0] == "ip" else self._into(SWITCH)
        _run([*into, *argv], stdin="\n".join(lines) + "\n")

    def _build(self) -> None:
        for host in (SWITCH, *HOSTS, CLIENT):
            _ip("netns", "add", self.namespace(host))
        self._set(SWITCH, "default/disable_ipv6", 1)
        lines = []
        for name in NETWORKS:
            lines.append(f"link add {name} type bridge mcast_snooping 0")
            lines.append(f"link set {name} up")
        lines += [line for host in (*HOSTS, CLIENT) for line in self._cables(host)]
        self._batch([*self._into(SWITCH), "ip", "-batch", "-"], lines)
        for host in (*HOSTS, CLIENT):
            # an address is usable at once: nobody here waits for duplicate detection
            for interface in ("all", "default", *(n.interface for n in _networks(host))):
                self._set(host, f"{interface}/accept_dad", 0)
            self._address(host)
            self._eyes[host] = Eye(_NETNS / self.namespace(host))

    def _cables(self, host: str) -> Iterator[str]:
        for name, network in ((name, NETWORKS[name]) for name in networks_of(host)):
            there = f"{network.interface} netns {self.namespace(host)}"
            yield f"link add {host}-{name} type veth peer name {there}"
            yield f"link set {host}-{name} master {name} up"

    def _set(self, host: str, setting: str, value: int) -> None:
        """Set a setting of IPv6; its file in /proc shows the namespace of whoever opens it."""
        path = f"/proc/sys/net/ipv6/conf/{setting}"
        self.run(host, ["tee", path], stdin=f"{value}\n")

    def _address(self, host: str) -> None:
        self._up(host, [(network, _NUMBERS[host]) for network in _networks(host)])

    def _up(self, host: str, numbers: Sequence[tuple[Network, str]]) -> None:
        lines = ["link set lo up"]
        for network, number in numbers:
            for version in (4, 6):
                own = f"{network.numbered(number, version)}/{network.prefix(version)}"
                lines.append(f"addr replace {own} dev {network.interface}")
            lines.append(f"link set {network.interface} up")
        self._batch([*self._into(host), "ip", "-batch", "-"], lines)

    def _remove(self) -> None:
        for eye in self._eyes.values():
            eye.close()
        processes.end(self._started)
        _remove_namespaces(self.name)


def networks_of(host: str) -> tuple[str, ...]:
    """The networks that `host` has a cable to."""
    return tuple(NETWORKS) if host in HOSTS else ("public",)


def remove_leftovers() -> None:
    """Take away what labs left behind whose process is not there any more."""
    for namespace in sorted(_NETNS.glob(f"{_PREFIX}-*")):
        owner, _, _ = namespace.name.removeprefix(f"{_PREFIX}-").partition("-")
        if owner.isdigit() and not Path("/proc", owner).exists():
            _remove_namespace(namespace.name)


def _networks(host: str) -> list[Network]:
    return [NETWORKS[name] for name in networks_of(host)]


def _remove_namespaces(lab: str) -> None:
    for namespace in sorted(_NETNS.glob(f"{lab}-*")):
        _remove_namespace(namespace.name)


def _remove_namespace(name: str) -> None:
    """Whatever still runs in there is killed first: it would keep the namespace alive."""
    pids = _run(["ip", "netns", "pids", name], check=False).stdout.split()
    processes.kill_all([int(pid) for pid in pids])
    _run(["ip", "netns", "delete", name], check=False)


def _ip(*arguments: str) -> str:
    return _run(["ip", *arguments]).stdout


def _run(
    argv: Sequence[str], *, check: bool = True, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `argv` and keep its output; a failure is one line that quotes it."""
    done = subprocess.run(  # noqa: S603 - our own argument lists
        argv, input=stdin, capture_output=True, text=True, check=False
    )
    if check and done.returncode != 0:
        said = " ".join((done.stderr or done.stdout).split())
        raise HostError(f"`{' '.join(argv)}` failed with {done.returncode}: {said}")
    return done
