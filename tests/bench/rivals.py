"""The daemons that are measured side by side, each started on a host of the lab and ended again.

Each is set up as its manual shows it for two hosts with one address or many: nothing is tuned but
the interval of its heartbeats.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ipfo.testing import processes
from ipfo.testing.lab import HOSTS, PUBLIC, Lab
from ipfo.testing.pair import Pair
from ipfo.testing.scene import SERVICE, pair_file, write_pair

ENGINES = {"alpha": 150, "beta": 100}
"""Priorities, as VRRP has them."""

ONE = (f"{SERVICE}/24",)

FAST = "10ms"

INSTANCES_MAX = 255
"""Of keepalived on one interface: a router's number has eight bits."""


class Rival(Protocol):
    """One pair of daemons; `folder` is its own."""

    name: str

    def start(self, *hosts: str) -> None:
        """The daemons of `hosts` are being started."""

    def pids(self, host: str) -> list[int]:
        """Every process of the daemon there, the one to signal first."""

    def end(self) -> None:
        """Nothing of it runs."""


@dataclass
class Ipfo:
    """ipfo, by a pair.toml."""

    lab: Lab
    folder: Path
    text: str
    name: str = "ipfo"
    pair: Pair = field(init=False)

    def __post_init__(self) -> None:
        """The file and its key are there."""
        write_pair(self.folder, self.text)
        self.pair = Pair(self.lab, self.folder, self.folder / "pair.toml")

    def start(self, *hosts: str) -> None:
        """See `Rival`."""
        self.pair.start(*hosts)

    def pids(self, host: str) -> list[int]:
        """See `Rival`."""
        return self.pair.processes(host)

    def end(self) -> None:
        """See `Rival`; what it remembers goes, too."""
        self.pair.end()
        for host in HOSTS:
            shutil.rmtree(self.folder / host, ignore_errors=True)


@dataclass
class Keepalived:
    """keepalived: VRRP version 3, an instance for each group of addresses."""

    lab: Lab
    folder: Path
    interval_s: float
    groups: Sequence[Sequence[str]] = (ONE,)
    name: str = "keepalived"

    def start(self, *hosts: str) -> None:
        """See `Rival`."""
        for host in hosts:
            config = self.folder / f"{host}.conf"
            config.write_text(self._config(host))
            own = [f"--pid={self.folder}/{host}.pid", f"--vrrp_pid={self.folder}/{host}.vrrp"]
            with (self.folder / f"{host}.log").open("a") as log:
                self.lab.start(
                    host,
                    ["keepalived", "-n", "-l", "-P", *own, "-f", str(config)],
                    stdout=log,
                    stderr=log,
                )

    def _config(self, host: str) -> str:
        text = "global_defs {\n  vrrp_version 3\n}\n"
        for number, addresses in enumerate(self.groups, 1):
            first, *others = addresses
            excluded = "\n".join(f"    {each}" for each in others)
            text += (
                f"vrrp_instance group{number} {{\n  interface {PUBLIC.interface}\n"
                f"  virtual_router_id {number}\n  priority {ENGINES[host]}\n"
                f"  advert_int {self.interval_s:g}\n  virtual_ipaddress {{\n    {first}\n  }}\n"
            )
            if others:
                text += f"  virtual_ipaddress_excluded {{\n{excluded}\n  }}\n"
            text += "}\n"
        return text

    def pids(self, host: str) -> list[int]:
        """See `Rival`."""
        return _found(self.lab, host, "keepalived")

    def end(self) -> None:
        """See `Rival`."""
        _end(self, self.folder)


@dataclass
class Ucarp:
    """UCarp: CARP, whole seconds, one address; scripts put it on and take it off."""

    lab: Lab
    folder: Path
    interval_s: float = 1
    name: str = "ucarp"

    def start(self, *hosts: str) -> None:
        """See `Rival`."""
        scripts = {}
        for word in ("add", "del"):
            script = scripts[word] = self.folder / word
            script.write_text(f'#!/bin/sh\nexec ip address {word} {ONE[0]} dev "$1"\n')
            script.chmod(0o755)
        for host in hosts:
            skew = "0" if host == "alpha" else "50"
            own = ["-s", PUBLIC.address(host), "-a", SERVICE, "-b", f"{self.interval_s:g}"]
            own += ["-k", skew, "-r", "3", "-v", "1", "-p", "secret", "-P", "-z"]
            own += ["-u", str(scripts["add"]), "-d", str(scripts["del"])]
            with (self.folder / f"{host}.log").open("a") as log:
                self.lab.start(
                    host, ["ucarp", "-i", PUBLIC.interface, *own], stdout=log, stderr=log
                )

    def pids(self, host: str) -> list[int]:
        """See `Rival`."""
        return _found(self.lab, host, "ucarp")

    def end(self) -> None:
        """See `Rival`."""
        _end(self, self.folder)


def _found(lab: Lab, host: str, program: str) -> list[int]:
    """Its processes on `host`, parents first."""
    return sorted(pid for pid in lab.pids(host) if _program(pid) == program)


def _program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _end(rival: Rival, folder: Path) -> None:
    for host in HOSTS:
        processes.kill_all(rival.pids(host))
    for left in folder.iterdir():
        if left.suffix in (".pid", ".vrrp"):
            left.unlink()


def ipfo_text(
    interval: str, takeover_after: str, groups: Sequence[Sequence[str]] = (ONE,), more: str = "",
    *, provider: str | None = None, dead_after: str | None = None, realtime: bool = True,
) -> str:  # fmt: skip
    """A pair.toml with these groups; `more` is added to each of them.

    At 10 ms it is as docs/how-to/choose-timings.md wants it: by `netlink`, in a real-time class.
    """
    fast = interval == FAST
    provider = provider or ("netlink" if fast else "ip")
    tables = ""
    for number, addresses in enumerate(groups):
        listed = ", ".join(f'"{each}"' for each in addresses)
        tables += (
            f'[groups.g{number}]\naddresses = [{listed}]\ninterface = "{PUBLIC.interface}"\n'
            f'provider = "{provider}"\n{more}\n'
        )
    text = pair_file(interval=interval, takeover_after=takeover_after, groups=tables)
    if fast and realtime:
        text += "\n[engine]\nrealtime = true\nlock_memory = true\n"
    if dead_after is not None:
        text = text.replace("[pair]\n", f'[pair]\ndead_after = "{dead_after}"\n')
    return text


def many(groups: int) -> list[list[str]]:
    """So many groups of one address; IPv4 as long as there are enough."""
    if groups < INSTANCES_MAX:
        return [[f"203.0.113.{number}/32"] for number in range(1, groups + 1)]
    return [[f"2001:db8:9::{number:x}/128"] for number in range(1, groups + 1)]


def one_of_many(addresses: int) -> list[str]:
    """One group of so many: the first is IPv4, since VRRP speaks that here."""
    return [*ONE, *(f"2001:db8:9::{number:x}/128" for number in range(1, addresses))]
