"""``make crash``: every process of a pair killed at every boundary of every move, and what came of it.

``python -m tests.crash.sweep`` plays all; ``--point "beta engine before Acquire 1" takeover`` repeats
one. A play without a kill comes first, and says which boundaries there are.
"""

import argparse
import shutil
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from tests.crash import boundaries
from tests.crash.plays import PLAYS, Play
from tests.crash.trial import Crashed, epochs_that_shrank, on_both, out_of_order

from ipfo import clock
from ipfo.model import SECOND

OVERLAP_NS = 3 * SECOND
"""For so long both may have an address in a seamless handover: what is left of a killed node's lease."""

LATE_S = 1.0
"""A boundary that is not come to so long after all is settled is not waited for."""


@dataclass(frozen=True, slots=True)
class Result:
    """Of one trial: what was broken, and whether the point was come to at all."""

    play: str
    point: str
    reached: bool
    broken: tuple[str, ...]
    points: tuple[str, ...]

    def __str__(self) -> str:
        """For people, with the command that repeats it."""
        again = f'.venv/bin/python -m tests.crash.sweep {self.play} --point "{self.point}"'
        return "\n    ".join([f"{self.play}: {self.point}", *self.broken, again])


def trial(folder: Path, name: str, point: str = "") -> Result:
    """Play `name` with a kill at `point`, and judge it; `folder` must not exist."""
    play = PLAYS[name]
    pair = Crashed(folder, play.group, point)
    broken: list[str] = []
    try:
        broken += _played(pair, play, point)
    except Exception:  # of whatever kind: the other trials go on
        broken.append(traceback.format_exc())
    finally:
        pair.end_all()
    both = on_both(pair.rows("wire"), clock.now())
    if both > (OVERLAP_NS if play.overlap else 0):
        broken.append(f"P1: an address was on both nodes for {both / 1e6:.1f} ms")
    phases = pair.rows("phases")
    victim = point.partition(" ")[0]
    broken += out_of_order(phases, victim)
    # then no engine runs for a while, and nobody is there to tell who is started first
    unheard = play.kills and point.startswith("beta engine ")
    broken += epochs_that_shrank(phases, pair.rows("wire"), unheard=unheard)
    broken += pair.told_out_of_order()
    reached = (folder / boundaries.FIRED).exists()
    path = folder / boundaries.POINTS
    points = tuple(path.read_text().splitlines()) if path.exists() else ()
    return Result(name, point, reached, tuple(broken), points)


def _played(pair: Crashed, play: Play, point: str) -> Iterator[str]:
    """What was lacking before the move, or after it and the kill."""
    pair.run("alpha")
    pair.until(lambda: pair.report("alpha") is None)  # or a busy host lets beta be alone for long
    pair.run("beta")
    if lacking := pair.settles("alpha"):
        yield f"before the move: {lacking}"
    play.run(pair)
    if lacking := pair.settles():
        yield lacking
    fired = pair.folder / boundaries.FIRED
    if point and not fired.exists() and pair.until(lambda: not fired.exists(), LATE_S):
        yield from filter(None, [pair.settles()])


def boundaries_of(folder: Path, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Play and boundary, of all that are come to when nobody is killed.

    :raises AssertionError: if something is broken already then.
    """
    for name in names:
        recorded = trial(folder / f"{name}-none", name)
        assert not recorded.broken, str(recorded)
        yield from ((name, point) for point in dict.fromkeys(recorded.points))


def sweep(folder: Path, wanted: Sequence[tuple[str, str]], side_by_side: int) -> Iterator[Result]:
    """The result of each of `wanted`, as they come; what was well leaves nothing behind."""
    with ThreadPoolExecutor(side_by_side) as pool:
        folders = [folder / f"{name}-{number}" for number, (name, _) in enumerate(wanted)]
        jobs = [pool.submit(trial, each, *what) for each, what in zip(folders, wanted, strict=True)]
        where = dict(zip(jobs, folders, strict=True))
        for job in as_completed(jobs):
            result = job.result()
            if not result.broken:
                shutil.rmtree(where[job], ignore_errors=True)
            yield result


def say(line: str) -> None:
    """A line for people, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Exit code 1 if anything was broken, or nobody was killed at all."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.sweep")
    parser.add_argument("plays", nargs="*", default=list(PLAYS))
    parser.add_argument("--point", help="only this one")
    parser.add_argument("--every", type=int, default=1, help="only one in so many of the points")
    parser.add_argument("--side-by-side", type=int, default=6)
    given = parser.parse_args()
    began = clock.now()
    folder = Path(tempfile.mkdtemp(prefix="ipfo-crash-"))
    if given.point:
        wanted = [(name, given.point) for name in given.plays]
    else:
        wanted = list(boundaries_of(folder, given.plays))
    wanted = wanted[:: given.every]
    counts: Counter[str] = Counter()
    for result in sweep(folder, wanted, given.side_by_side):
        counts["points"] += 1
        counts["not come to"] += not result.reached
        if result.broken:
            counts["broken"] += 1
            say(str(result))
    took_s = (clock.now() - began) / SECOND
    for name, known in Counter(name for name, _ in wanted).items():
        say(f"crash: {name}: {known} points")
    say(
        f"crash: {counts['points']} points, {counts['not come to']} of them not come to in the run"
        f" that was to be killed there, {counts['broken']} broken, {took_s:.0f} s"
    )
    if counts["broken"]:
        say(f"what was broken is in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if counts["broken"] or counts["not come to"] == counts["points"] else 0


if __name__ == "__main__":
    sys.exit(main())
