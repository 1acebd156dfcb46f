"""What can happen to a world, in words: one line a happening, the same in stories and from seeds.

`VERBS` is the whole vocabulary; docs/reference/stories.md is held against it. Reading a line and
writing it again gives the same line.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ipfo.config import durations
from ipfo.errors import StoryError

Value = str | int | float

SHARE = r"(?P<share>\d{1,3}(?:\.\d+)?)\s?%"
NODE = r"(?P<node>[\w.-]+)"
GROUP = r"(?P<group>[\w.-]+)"
LINK = r"(?P<link>[\w.-]+)"
FROM = r"(?: from (?P<node>[\w.-]+))?"
LASTS = r"(?P<lasts>\d+(?:\.\d+)?\s?(?:ms|s|min|h))"
EVERY = LASTS.replace("lasts", "every")
MOST = LASTS.replace("lasts", "most")
TO = NODE.replace("node", "to")
PHASE = r"(?P<phase>test|pre_acq|post_acq|pre_rel|post_rel)"
EFFECT = (
    r"(?P<effect>acquire|release|renew|sweep|announce|probe|probepeer|askwitnesses|vote|withdraw"
    r"|fence|sendheartbeat|runphase|record|notify|settle|restart)"
)

VERBS: Mapping[str, tuple[str, str]] = {
    "power off": (rf"power off {NODE}(?P<lost> losing the last record)?", "the plug is pulled"),
    "wipe": (rf"power off {NODE} losing its disk", "and the host is set up anew"),
    "power on": (rf"power on {NODE}", "the host boots, and the daemon with it"),
    "kill": (rf"kill {NODE}", "kill -9 of the engine"),
    "crash": (
        rf"kill {NODE} (?P<when>before|after) its next {EFFECT}",
        "the same, at the boundary of an effect",
    ),
    "start": (rf"start {NODE}", "the daemon is started, if it does not run"),
    "stop": (rf"stop {NODE}", "SIGTERM: an orderly end"),
    "restart": (rf"restart {NODE}", "`ipfo restart`"),
    "freeze": (rf"freeze {NODE} for {LASTS}", "SIGSTOP of the engine, then SIGCONT"),
    "freeze addresses": (
        rf"freeze the addresses worker of {NODE} for {LASTS}",
        "SIGSTOP of that worker alone",
    ),
    "kill addresses": (rf"kill the addresses worker of {NODE}", "it is started again"),
    "pause": (rf"pause {NODE} for {LASTS}", "the whole host stands still, its clocks too"),
    "suspend": (rf"suspend {NODE} for {LASTS}", "it sleeps; its steady clock goes on"),
    "other config": (
        rf"the other configuration lies on {NODE}",
        "it is read at the next start; see the head's `other group`",
    ),
    "first config": (rf"the first configuration lies on {NODE}", "likewise, and as it was"),
    "wall": (
        rf"wall clock of {NODE} jumps by {LASTS}",
        "nothing follows from it: the machine knows no wall clock",
    ),
    "no carrier": (rf"carrier lost on {NODE}", "on the interface of the service addresses"),
    "carrier": (rf"carrier back on {NODE}", "and back"),
    "remove": (rf"remove {GROUP} from {NODE}", "somebody else takes the address off"),
    "put": (rf"put {GROUP} on {NODE}", "somebody else puts it on, for good"),
    "ill": (rf"checks of {GROUP} fail on {NODE}", "its checks turn ill"),
    "well": (rf"checks of {GROUP} pass on {NODE}", "and well again"),
    "veto": (rf"{PHASE} of {GROUP} vetoes on {NODE}", "from now on"),
    "hang": (rf"{PHASE} of {GROUP} hangs on {NODE}", "from now on, until its time is over"),
    "take": (rf"{PHASE} of {GROUP} takes {LASTS} on {NODE}", "from now on"),
    "phases well": (rf"phases are well on {NODE}", "none of that any more"),
    "fail": (
        rf"(?P<op>acquire|release|renew|probe) fails on {NODE}",
        "the provider raises, from now on",
    ),
    "slow": (rf"addresses are slow on {NODE} by {LASTS}", "each call of the worker, from now on"),
    "addresses well": (rf"addresses are well on {NODE}", "none of that any more"),
    "cut": (rf"cut {LINK}{FROM}", "the cable: nothing gets through (out of the node)"),
    "heal": (rf"heal {LINK}{FROM}", "cable, filters, loss: all is well again"),
    "filter": (rf"filter heartbeats on {LINK}{FROM}", "these are lost, all else gets through"),
    "filter wire": (rf"filter arp on {LINK}{FROM}", "the wire answers nothing"),
    "lose": (rf"{LINK} loses {SHARE}{FROM}", "each datagram by itself"),
    "burst": (
        rf"{LINK} loses {SHARE} in bursts of {LASTS} every {EVERY}",
        "now and then, for a while",
    ),
    "delay": (
        rf"{LINK} takes {LASTS} to {MOST}",
        "each datagram between the two: so they overtake each other",
    ),
    "double": (rf"{LINK} doubles {SHARE}", "datagrams that arrive twice"),
    "third": (rf"a third host answers for {GROUP}", "and it is neither node"),
    "third gone": (rf"no third host answers for {GROUP}", "any more"),
    "isolate": (rf"no witness reaches {NODE}", "from now on"),
    "unisolate": (rf"witnesses reach {NODE}", "again"),
    "store cut": (rf"no voter reaches {NODE}", "from now on"),
    "store back": (rf"the voter reaches {NODE}", "again"),
    "store lost": (r"the voter is lost", "it has no quorum, and answers nobody"),
    "store slow": (rf"the voter answers {LASTS} late", "what it is asked it does at once"),
    "store well": (r"the voter is well", "again"),
    "fence": (rf"the fence of {NODE} (?P<manner>works|fails|is late)", "from now on"),
    "handover": (
        rf"(?:handover|failback) {GROUP} to {TO}(?: asked on {NODE})?",
        "an administrator asks (on the node that is to have it)",
    ),
    "standby": (rf"standby {NODE}", "likewise"),
    "resume": (rf"resume {NODE}", "likewise"),
    "maintenance": (rf"maintenance {NODE}", "likewise"),
    "all well": (r"all is well", "every fault is over, every host runs, nobody is set aside"),
}
"""By verb: how its line reads, and what it does."""

WORDS: Mapping[str, str] = {
    FROM: "[ from NODE]",
    SHARE: "SHARE %",
    LASTS: "DURATION",
    EVERY: "DURATION",
    MOST: "DURATION",
    PHASE: "PHASE",
    EFFECT: "EFFECT",
    NODE: "NODE",
    TO: "NODE",
    GROUP: "GROUP",
    LINK: "LINK",
}
"""How the parts of a pattern are called where people read of them."""

_PATTERNS = {verb: re.compile(pattern) for verb, (pattern, _) in VERBS.items()}
_DURATIONS = ("lasts", "every", "most")


@dataclass(frozen=True, slots=True)
class Happening:
    """`line`, understood: the verb, and what it is told, durations in ns and shares 0.0 to 1.0."""

    at_ns: int
    line: str
    verb: str
    told: Mapping[str, Value]

    def __str__(self) -> str:
        """The line of a story."""
        return f"at {seconds(self.at_ns)}  {self.line}"


def happening(at_ns: int, line: str) -> Happening:
    """What `line` says.

    :raises StoryError: if it is no happening.
    """
    for verb, pattern in _PATTERNS.items():
        found = pattern.fullmatch(line)
        if found is not None:
            told: dict[str, Value] = {}
            for name, text in found.groupdict().items():
                if text is None:
                    continue
                if name in _DURATIONS:
                    told[name] = durations.parse(text.replace(" ", ""))
                elif name == "share":
                    told[name] = float(text) / 100
                else:
                    told[name] = text
            return Happening(at_ns, line, verb, told)
    raise StoryError(f"{line!r} is no happening; see docs/reference/stories.md")


def seconds(ns: int) -> str:
    """`ns` as a line's instant: seconds with as many digits as it needs, three at most."""
    return f"{ns / 1e9:.3f}".rstrip("0").rstrip(".") + " s"
