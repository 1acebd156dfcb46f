"""What a story may expect of its world, in words: each claim is one sentence that is true or not.

`CLAIMS` is the whole vocabulary; docs/reference/stories.md is held against it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipfo.errors import StoryError
from ipfo.model import Health, Role
from ipfo.sim.happenings import seconds

if TYPE_CHECKING:
    from ipfo.sim.host import Host
    from ipfo.sim.world import World

Said = Mapping[str, str]
Found = tuple[bool, str]
"""Whether it is so, and how it is instead."""

NODE = r"(?P<node>[\w.-]+)"
GROUP = r"(?P<group>[\w.-]+)"
WORD = r"(?P<word>[a-z]+)"
HEALTHS = "|".join(health.name.lower() for health in Health)
ROLES = "|".join(role.value for role in Role)
TEXT = r'(?: "(?P<text>[^"]*)")?'


@dataclass(frozen=True, slots=True)
class Claim:
    """`line`, understood."""

    line: str
    form: str
    said: Said

    def look(self, world: "World") -> Found:
        """Whether it is so now.

        :raises StoryError: if it names what is not there.
        """
        node, group = self.said.get("node"), self.said.get("group")
        if node is not None and node not in world.hosts:
            raise StoryError(f"{self.line!r}: there is no {node}")
        if group is not None and group not in world.groups:
            raise StoryError(f"{self.line!r}: there is no {group}")
        return CLAIMS[self.form][1](world, self.said)


def claim(line: str) -> Claim:
    """What `line` says.

    :raises StoryError: if it is no claim.
    """
    for form, (pattern, _, _) in CLAIMS.items():
        found = re.fullmatch(pattern, line)
        if found is not None:
            said = {name: text for name, text in found.groupdict().items() if text is not None}
            return Claim(line, form, said)
    raise StoryError(f"{line!r} is nothing to expect; see docs/reference/stories.md")


def _holders(world: "World", group: str) -> str:
    return " and ".join(world.holders(group)) or "nobody"


def _holds(world: "World", said: Said) -> Found:
    found = _holders(world, said["group"])
    return found == said["node"], f"{found} holds {said['group']}"


def _nobody(world: "World", said: Said) -> Found:
    found = _holders(world, said["group"])
    return found == "nobody", f"{found} holds {said['group']}"


def _both(world: "World", said: Said) -> Found:
    found = world.holders(said["group"])
    return len(found) > 1, f"{_holders(world, said['group'])} holds {said['group']}"


def _is_role(world: "World", said: Said) -> Found:
    engine = world.hosts[said["node"]].engine
    role = None if engine is None else engine.node.groups[said["group"]].role
    found = "not running" if role is None else role.value
    return role is Role(said["word"]), f"{said['node']} is {found}"


def _times(host: "Host", said: Said) -> int:
    text = said.get("text", "")
    return sum(
        told.event.value == said["word"] and text in f"{told.headline}: {told.detail}"
        for _, told in host.told
    )


def _told(world: "World", said: Said) -> Found:
    host = world.hosts[said["node"]]
    times = _times(host, said)
    wanted = said.get("times")
    so = times > 0 if wanted is None else times == int(wanted)
    every = "; ".join(f"{told.event.value}: {told.headline}" for _, told in host.told)
    return so, f"{times} times; {host.name} told: {every or 'nothing'}"


def _not_told(world: "World", said: Said) -> Found:
    host = world.hosts[said["node"]]
    at = [seconds(at) for at, told in host.told if told.event.value == said["word"]]
    return _times(host, said) == 0, f"told at {', '.join(at)}"


def _phases(world: "World", said: Said) -> Found:
    log = world.hosts[said["node"]].phases.log
    found = [phase.value for group, phase in log if group == said["group"]]
    wanted = [] if said["phases"] == "none" else said["phases"].split()
    return found == wanted, f"they were: {' '.join(found) or 'none'}"


def _epoch(world: "World", said: Said) -> Found:
    epochs = [
        (int(host.engine.node.groups[said["group"]].known), name)
        for name, host in world.hosts.items()
        if host.engine is not None
    ]
    found = max(epochs, default=(0, ""))[0]
    return found == int(said["number"]), f"it is {found}"


def _believed(world: "World", said: Said) -> Found:
    found = world.believed.get(said["group"], "nobody")
    return found == said["node"], f"they believe {found} has it"


def _answered(world: "World", said: Said) -> Found:
    settled = world.hosts[said["node"]].settled
    if not settled:
        return False, f"{said['node']} has answered nothing"
    last = settled[-1][1]
    so = last.done is (said["word"] == "yes") and said.get("text", "") in last.why
    return so, f"{said['node']} answered {'yes' if last.done else 'no'}: {last.why}"


def _runs(world: "World", said: Said) -> Found:
    runs = world.hosts[said["node"]].engine is not None
    return runs is (said["word"] == "runs"), f"it {'runs' if runs else 'does not run'}"


def _health(world: "World", said: Said) -> Found:
    engine = world.hosts[said["node"]].engine
    entry = None if engine is None else engine.node.said.get(said["group"])
    found = "not running" if entry is None else entry.health.name.lower()
    return found == said["word"], f"it is {found}"


CLAIMS: Mapping[str, tuple[str, Callable[["World", Said], Found], str]] = {
    "nobody": (rf"nobody holds {GROUP}", _nobody, "no client that asks gets an answer"),
    "both": (rf"both hold {GROUP}", _both, "and each may get another answer"),
    "holds": (rf"{NODE} holds {GROUP}", _holds, "and it alone, as a client on the wire sees it"),
    "role": (
        rf"{NODE} is (?P<word>{ROLES}) for {GROUP}",
        _is_role,
        "what the node takes itself for",
    ),
    "health": (
        rf"{NODE} is (?P<word>{HEALTHS}) to hold {GROUP}",
        _health,
        "what the node says of itself in each heartbeat",
    ),
    "not told": (rf"not told {NODE}: {WORD}{TEXT}", _not_told, "no such notice so far"),
    "told": (
        rf"told {NODE}: {WORD}{TEXT}(?: (?P<times>\d+) times?)?",
        _told,
        "people were told, with this in the text, this often",
    ),
    "phases": (
        rf"phases of {GROUP} on {NODE}: (?P<phases>[a-z_ ]+)",
        _phases,
        "all that have begun so far, in order",
    ),
    "epoch": (rf"epoch of {GROUP} is (?P<number>\d+)", _epoch, "the highest that a node knows"),
    "believed": (rf"neighbours believe {NODE} has {GROUP}", _believed, "by the last announcement"),
    "answered": (
        rf"{NODE} answered (?P<word>yes|no){TEXT}",
        _answered,
        "to the last order of an administrator",
    ),
    "runs": (rf"{NODE} (?P<word>runs|does not run)", _runs, "its daemon does"),
}
"""By form: how its line reads, how it is looked at, and what it means."""
