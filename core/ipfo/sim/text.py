"""Settings and plans as the text of a story, and back. What is written is read as the same values.

Only what differs from a usual pair is written, so a story says what matters in it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from ipfo.config import durations
from ipfo.errors import StoryError
from ipfo.sim.plans import Plan
from ipfo.sim.settings import Character, GroupSettings, Settings

UNITS = (("s", 10**9), ("ms", 10**6))


def exact(ns: int) -> str:
    """`ns` with a unit, to the last digit."""
    unit, size = next(((u, s) for u, s in UNITS if ns >= s or s == UNITS[-1][1]))
    whole, rest = divmod(ns, size)
    fraction = f"{rest:0{len(str(size)) - 1}d}".rstrip("0")
    return f"{whole}{'.' + fraction if fraction else ''}{unit}"


@dataclass(frozen=True, slots=True)
class Form:
    """How one kind of value is written and read."""

    write: Callable[[Any], str]
    read: Callable[[str], Any]


def _share(text: str) -> float:
    if not text.endswith("%"):
        raise ValueError(f"{text!r} is no share, such as 5%")
    return float(text[:-1]) / 100


def _yes(text: str) -> bool:
    if text not in ("yes", "no"):
        raise ValueError(f"{text!r} is neither yes nor no")
    return text == "yes"


def _range(text: str) -> tuple[int, int]:
    least, dots, most = text.partition("..")
    if not dots:
        raise ValueError(f"{text!r} is no range, such as 1ms..6ms")
    return durations.parse(least), durations.parse(most)


def _members(text: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    parts = [part.partition(":") for part in text.split(";")]
    if not all(name and addresses for name, _, addresses in parts):
        raise ValueError(f"{text!r} are no groups and addresses, such as web:a,b;db:c")
    return tuple((name, tuple(addresses.split(","))) for name, _, addresses in parts)


DURATION = Form(exact, durations.parse)
MAYBE = Form(
    lambda ns: "never" if ns is None else exact(ns),
    lambda text: None if text == "never" else durations.parse(text),
)
RANGE = Form(lambda pair: f"{exact(pair[0])}..{exact(pair[1])}", _range)
SHARE = Form(lambda share: f"{share * 100:g}%", _share)
YES = Form(lambda yes: "yes" if yes else "no", _yes)
WORD = Form(str, str)
NUMBER = Form(str, int)
WORDS = Form(
    lambda words: ",".join(words) or "none", lambda t: () if t == "none" else (*t.split(","),)
)

MEMBERS = Form(
    lambda members: ";".join(f"{name}:{','.join(addresses)}" for name, addresses in members),
    _members,
)

PAIR: Mapping[str, tuple[str, Form]] = {
    "name": ("pair", WORD),
    "nodes": ("nodes", WORDS),
    "links": ("links", WORDS),
    "interval": ("interval_ns", DURATION),
    "takeover_after": ("takeover_after_ns", DURATION),
    "dead_after": ("dead_after_ns", MAYBE),
    "first_claim_after": ("first_claim_after_ns", MAYBE),
    "consistent": ("consistent", YES),
    "off": ("off", WORDS),
}
GROUP: Mapping[str, tuple[str, Form]] = {
    "preferred": ("preferred", WORD),
    "home": ("home", WORD),
    "members": ("members", MEMBERS),
    "phases": ("phases", YES),
    "lease": ("lease", YES),
    "probes": ("probes", YES),
    "contested": ("contested", WORD),
    "handover": ("handover", WORD),
    "failback_after": ("failback_after_ns", MAYBE),
    "phase_timeout": ("phase_timeout_ns", DURATION),
    "announce_every": ("announce_every_ns", DURATION),
    "max_moves": ("max_moves", NUMBER),
    "per": ("per_ns", DURATION),
    "links_of_home": ("of_home", WORDS),
}
FENCE: Mapping[str, tuple[str, Form]] = {
    "timeout": ("fence_timeout_ns", DURATION),
    "delay": ("fence_delay_ns", DURATION),
}
HOSTS: Mapping[str, tuple[str, Form]] = {
    "delay": ("delay_ns", RANGE),
    "loss": ("loss", SHARE),
    "doubled": ("doubled", SHARE),
    "call": ("call_ns", RANGE),
    "slow": ("slow", SHARE),
    "slow_by": ("slow_ns", DURATION),
    "phase": ("phase_ns", RANGE),
    "slack": ("slack_ns", RANGE),
    "start": ("start_ns", RANGE),
    "boot": ("host_boot_ns", RANGE),
}
"""The words of a story's head, the fields that they set, and how these are written."""

_PART = re.compile(r"(\w+)=(\S+)")


def head(settings: Settings, seed: int) -> Iterator[str]:
    """The lines that make `settings` again."""
    yield _line("pair", PAIR, settings, Settings())
    for group in settings.groups:
        usual = GroupSettings(group.name, settings.nodes[0])
        yield _line(f"group {group.name}", GROUP, group, usual)
    for group in settings.other:
        usual = GroupSettings(group.name, settings.nodes[0])
        yield _line(f"other group {group.name}", GROUP, group, usual)
    if settings.deniers:
        yield "witness that denies"
    if settings.voter:
        yield "witness that votes"
    if settings.fence_timeout_ns is not None:
        yield _line("fence", FENCE, settings, Settings())
    hosts = _line("hosts", HOSTS, settings.character, Character())
    if hosts != "hosts":
        yield hosts
    for node in settings.nodes:
        clock = f"clock of {node}"
        if node in settings.character.offset_ns:
            clock += f" at={exact(settings.character.offset_ns[node])}"
        if settings.character.ppm.get(node):
            clock += f" ppm={settings.character.ppm[node]}"
        if "=" in clock:
            yield clock
    yield f"seed {seed}"


def _line(word: str, table: Mapping[str, tuple[str, Form]], value: object, usual: object) -> str:
    parts = [word]
    for key, (name, form) in table.items():
        now = getattr(value, name)
        if now != getattr(usual, name):
            parts.append(f"{key}={form.write(now)}")
    return " ".join(parts)


def story_of(plan: Plan) -> str:
    """`plan` as a story that anybody can run again."""
    lines = [*head(plan.settings, plan.seed), "", *map(str, plan.happenings)]
    return "\n".join(lines) + "\n"


class Head:
    """Reads the head of a story, line by line."""

    def __init__(self) -> None:
        self.seed = 1
        self.has_pair = False
        self._pair: dict[str, Any] = {}
        self._groups: list[GroupSettings] = []
        self._other: list[GroupSettings] = []
        self._hosts: dict[str, Any] = {}
        self._offsets: dict[str, int] = {}
        self._ppm: dict[str, int] = {}

    def take(self, line: str) -> bool:
        """Whether `line` is of the head; then it is read.

        :raises StoryError: if it is, and cannot be read.
        """
        word, _, rest = line.partition(" ")
        try:
            match word:
                case "pair":
                    self.has_pair = True
                    self._pair |= _parts(rest, PAIR)
                case "fence":
                    self._pair |= _parts(rest, FENCE)
                case "hosts":
                    self._hosts |= _parts(rest, HOSTS)
                case "group":
                    self._groups.append(_group(rest))
                case "other" if rest.startswith("group "):
                    self._other.append(_group(rest.removeprefix("group ")))
                case "witness" if rest == "that denies":
                    self._pair["deniers"] = True
                case "witness" if rest == "that votes":
                    self._pair["voter"] = True
                case "clock":
                    self._clock(rest)
                case "seed":
                    self.seed = int(rest)
                case _:
                    return False
        except ValueError as error:
            raise StoryError(f"{line!r}: {error}") from None
        return True

    def _clock(self, rest: str) -> None:
        found = re.fullmatch(r"of (\S+)(.*)", rest)
        if found is None:
            raise ValueError("say 'clock of NODE at=1000s ppm=50'")
        told = _parts(found[2], {"at": ("at", DURATION), "ppm": ("ppm", NUMBER)})
        if "at" in told:
            self._offsets[found[1]] = told["at"]
        if "ppm" in told:
            self._ppm[found[1]] = told["ppm"]

    def settings(self) -> Settings:
        """What the head has said."""
        character = replace(Character(), **self._hosts, offset_ns=self._offsets, ppm=self._ppm)
        made = replace(Settings(), **self._pair, other=tuple(self._other), character=character)
        return replace(made, groups=tuple(self._groups)) if self._groups else made


def _group(text: str) -> GroupSettings:
    name, _, rest = text.partition(" ")
    return replace(GroupSettings(name, "alpha"), **_parts(rest, GROUP))


def _parts(text: str, table: Mapping[str, tuple[str, Form]]) -> dict[str, Any]:
    told = {}
    for part in text.split():
        found = _PART.fullmatch(part)
        if found is None or found[1] not in table:
            raise ValueError(f"{part!r} is none of {', '.join(f'{key}=' for key in table)}")
        name, form = table[found[1]]
        told[name] = form.read(found[2])
    return told


assert {name for name, _ in HOSTS.values()} | {"offset_ns", "ppm"} == {
    each.name for each in fields(Character)
}, "a field of Character has no word in a story's head"
