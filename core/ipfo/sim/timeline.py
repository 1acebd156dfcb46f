"""Draws a world as rows of characters: who has what when, who runs, who hears, and what happened.

Text only; colours are the command's affair.
"""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from ipfo.sim.happenings import seconds
from ipfo.sim.world import Mark, World

T = TypeVar("T")

WIDTH = 72
HOLDS, RUNS, DOWN, STOPPED = "#", ".", " ", "z"
LEGEND = f"{HOLDS} has it   {RUNS} runs   {STOPPED} frozen or stands still   (blank) not running"
HEARS, LITTLE, NOTHING = "|", "'", " "
HEARD = f"{HEARS} hears its peer on every link   {LITTLE} on some   (blank) on none"


def draw(world: World, since_ns: int = 0, until_ns: int | None = None) -> Iterator[str]:
    """The lines of a picture of `world`, which was noting."""
    until_ns = world.now if until_ns is None else min(until_ns, world.now)
    column_ns = max(1, (until_ns - since_ns) // WIDTH)
    starts = [since_ns + column * column_ns for column in range(WIDTH)]
    names = [*world.groups, "hears"]
    margin = max(map(len, world.hosts)) + max(map(len, names)) + 4
    for name in world.hosts:
        for group in world.groups:
            row = "".join(_holding(world, name, group, at, at + column_ns) for at in starts)
            yield f"{f'{name}  {group}':{margin}}{row}".rstrip()
        row = "".join(_hearing(world, name, at, at + column_ns) for at in starts)
        yield f"{f'{name}  hears':{margin}}{row}".rstrip()
    marks = [mark for mark in world.marks if since_ns <= mark.at_ns <= until_ns]
    columns = [min(WIDTH - 1, (mark.at_ns - since_ns) // column_ns) for mark in marks]
    row = "".join("^" if column in columns else " " for column in range(WIDTH))
    yield f"{'':{margin}}{row}".rstrip()
    scale = f"{seconds(since_ns)}{seconds(until_ns):>{WIDTH - len(seconds(since_ns))}}"
    yield f"{'':{margin}}{scale}"
    yield f"{'':{margin}}{LEGEND}"
    yield f"{'':{margin}}{HEARD}"
    yield ""
    yield from map(line, marks)


def line(mark: Mark) -> str:
    """`mark` as a line of a list."""
    who = f"{mark.host}: " if mark.host and not mark.text.endswith(mark.host) else ""
    return f"{seconds(mark.at_ns):>11}  {who}{mark.text}"


def _holding(world: World, name: str, group: str, start: int, end: int) -> str:
    """What `name` was to `group` for the most interesting part of a column."""
    log = world.judge.held.get(world.named[group].addresses[0], [(0, ())])
    if any(name in who for who in _within(log, start, end)):
        return HOLDS
    lives = _within(world.hosts[name].life, start, end)
    for word, sign in (("stopped", STOPPED), ("runs", RUNS)):
        if word in lives:
            return sign
    return DOWN


def _within(log: Sequence[tuple[int, T]], start: int, end: int) -> list[T]:
    """What was so at any time in the column, or up to its beginning."""
    found = [what for at, what in log if start <= at < end]
    before = [what for at, what in log if at <= start]
    return [*before[-1:], *found]


def _hearing(world: World, name: str, start: int, end: int) -> str:
    """Whether it heard its peer lately enough, as seen from the end of a column."""
    lately = max(end - start, 2 * world.settings.interval_ns)
    heard = {
        link for at, link, listener in world.heard if listener == name and end - lately <= at < end
    }
    if len(heard) == len(world.settings.links):
        return HEARS
    return LITTLE if heard else NOTHING
