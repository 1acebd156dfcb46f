"""A story: a world written by hand, with what is expected of it. The reader of ``*.story`` files.

A story fails by its first expectation that does not come true, or by any promise that the judge
finds broken: an excuse of the judge's is none where the story says ``never two holders``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ipfo.config import durations
from ipfo.errors import StoryError
from ipfo.model import SECOND
from ipfo.sim.claims import Claim, claim
from ipfo.sim.happenings import Happening, happening, seconds
from ipfo.sim.settings import MS, Settings
from ipfo.sim.text import Head
from ipfo.sim.world import World

LOOKS_NS = 5 * MS
"""How often a world is looked at for what must come true by, or be so until, an instant."""

AFTER_NS = 5 * SECOND
"""A story that does not say when it ends goes on for so long after its last line."""

TIME = r"(\d+(?:\.\d+)?\s?(?:ms|s|min|h))"
AT = re.compile(rf"at {TIME}\s+(.*)")
BY = re.compile(rf"by {TIME}\s+expect (.*)")
FROM = re.compile(rf"from {TIME} to {TIME}\s+expect (.*)")
NEVER = re.compile(rf"never two holders(?: for more than {TIME})?")
ENDS = re.compile(rf"ends at {TIME}")


@dataclass(frozen=True, slots=True)
class Expectation:
    """`claim` is to be so at some instant from `since_ns` to `until_ns`, or all the time."""

    claim: Claim
    since_ns: int
    until_ns: int
    always: bool
    line: int


@dataclass(slots=True)
class Story:
    """What a story's text says."""

    title: str
    settings: Settings
    seed: int
    happenings: list[Happening] = field(default_factory=list)
    expectations: list[Expectation] = field(default_factory=list)
    double_max_ns: int | None = None  # None: the judge alone decides
    ends_ns: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """How a story went: its world, and what was not as expected, a line each."""

    world: World
    faults: tuple[str, ...]


def read(path: Path) -> Story:
    """The story in the file `path`.

    :raises StoryError: if there is none, or it cannot be read; with file and line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StoryError(f"{path}: cannot be read: {error}") from error
    return parse(text, str(path))


def parse(text: str, name: str = "story", pair: Settings | None = None) -> Story:
    """The story in `text`; of `pair`, if it brings no pair of its own.

    :raises StoryError: if it cannot be read; with the line.
    """
    head = Head()
    story = Story("", Settings(), 1)
    for number, raw in enumerate(text.splitlines(), start=1):
        line = re.sub(r"(^|\s)#.*", "", raw).strip()
        if raw.startswith("#") and not story.title:
            story.title = raw.lstrip("# ").strip()
        if not line:
            continue
        try:
            if not _take(story, line, number) and not head.take(line):
                raise StoryError(f"{line!r} is no line of a story; see docs/reference/stories.md")
        except StoryError as error:
            raise StoryError(f"{name}:{number}: {error}") from None
        except ValueError as error:
            raise StoryError(f"{name}:{number}: {error}") from None
    story.settings = head.settings() if pair is None or head.has_pair else pair
    story.seed = head.seed
    instants = [each.at_ns for each in story.happenings]
    instants += [each.until_ns for each in story.expectations]
    story.ends_ns = story.ends_ns or max(instants, default=0) + AFTER_NS
    return story


def _take(story: Story, line: str, number: int) -> bool:
    """Whether `line` says what happens or what is expected; then it is taken in."""
    if found := AT.fullmatch(line):
        at_ns = _ns(found[1])
        if found[2].startswith("expect "):
            expected = claim(found[2].removeprefix("expect "))
            story.expectations.append(Expectation(expected, at_ns, at_ns, False, number))
        else:
            story.happenings.append(happening(at_ns, found[2]))
    elif found := BY.fullmatch(line):
        until_ns = _ns(found[1])
        story.expectations.append(Expectation(claim(found[2]), 0, until_ns, False, number))
    elif found := FROM.fullmatch(line):
        since_ns, until_ns = _ns(found[1]), _ns(found[2])
        story.expectations.append(Expectation(claim(found[3]), since_ns, until_ns, True, number))
    elif found := NEVER.fullmatch(line):
        story.double_max_ns = 0 if found[1] is None else _ns(found[1])
    elif found := ENDS.fullmatch(line):
        story.ends_ns = _ns(found[1])
    else:
        return False
    return True


def _ns(text: str) -> int:
    return durations.parse(text.replace(" ", ""))


def tell(story: Story, seed: int | None = None) -> Told:
    """Run `story` to its end, or until it fails; under another seed the same things happen.

    :raises StoryError: if it names a node, a group or a link that is not there.
    """
    chosen = story.seed if seed is None else seed
    world = World(story.settings, story.happenings, seed=chosen, noting=True)
    faults: list[str] = []
    try:
        faults.extend(_run(story, world))
    except AssertionError as error:
        world.judge.breaks("the machine", "", f"a bug: {error}")
    if world.judge.broken is not None:
        faults.insert(0, str(world.judge.broken))
    if story.double_max_ns is not None:
        faults.extend(_doubles(story.double_max_ns, world))
    return Told(world, tuple(faults))


def _run(story: Story, world: World) -> Iterator[str]:
    pending = sorted(story.expectations, key=lambda each: (each.until_ns, each.since_ns))
    while world.now < story.ends_ns:
        world.run(min([_next_look(pending, world.now), story.ends_ns]))
        if world.judge.broken is not None:
            return
        for each in list(pending):
            if world.now < each.since_ns:
                continue
            so, instead = each.claim.look(world)
            over = world.now >= each.until_ns
            if (each.always and not so) or (over and not so):
                yield f"line {each.line}: at {seconds(world.now)} not: {each.claim.line}; {instead}"
                pending.remove(each)
            elif over or (so and not each.always):
                pending.remove(each)


def _next_look(pending: list[Expectation], now: int) -> int:
    """When to look next: at an instant that a line names, or soon if something may come true."""
    looks = []
    for each in pending:
        if each.since_ns > now:
            looks.append(each.since_ns)
        elif each.until_ns > now:
            looks.append(min(each.until_ns, now + LOOKS_NS))
    return min(looks, default=1 << 62)


def _doubles(most_ns: int, world: World) -> Iterator[str]:
    for double in world.judge.doubles:
        until = world.now if double.until is None else double.until
        if until - double.since > most_ns:
            took = seconds(until - double.since)
            yield f"{double.address} had two holders at {seconds(double.since)} for {took}"
