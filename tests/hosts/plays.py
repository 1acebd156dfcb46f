"""Plays a fault on a pair in a lab and measures it; several at a time, each in a lab of its own.

A play takes seconds in which two idle daemons wait for each other, so a few of them side by side
leave the figures as they are; the longest pause of each watch says so.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

from tests.hosts.figures import Row
from tests.plugins.etcd import Etcd

from ipfo import clock
from ipfo.model import SECOND, Instant
from ipfo.testing.lab import HOSTS, PUBLIC, Lab
from ipfo.testing.scene import PATIENCE_S, SERVICE, SERVICE_6, Scene, pair_file, scene

AT_ONCE = 4
"""Plays side by side; on two cores, more than that are seen in the figures."""

RATE = 200
"""How often a second the client asks each address: outages are told to 5 ms."""

VOTERS = "voters"
"""The guest of a lab on which the members of etcd run."""

MEMBERS = 3

INTERVAL_NS = SECOND // 5
SILENCE_S = 1.5
LOOKS_MAX_NS = SECOND
"""The shortest lease: an address that is put back by mistake stays for one, and a watch that was
never kept away for longer than that has seen it."""

BOTH_FAMILIES = f"""\
[groups.web]
addresses = ["{SERVICE}/24", "{SERVICE_6}/64"]
interface = "{PUBLIC.interface}"
provider = "ip"
max_moves = 100
"""
"""Some plays move it more often than a breaker would like."""


def fast_pair(*, groups: str = BOTH_FAMILIES, policy: str = "available", more: str = "") -> str:
    """A pair.toml for 200 ms and 1.5 s; it must not matter for what is played."""
    text = pair_file(interval="200ms", takeover_after="1500ms", groups=groups, more=more)
    return text.replace("[pair]\n", f'[pair]\non_partition = "{policy}"\n')


@dataclass(slots=True)
class Told:
    """What a play says of itself: who held meanwhile, and when all was well again.

    `served`: the client was answered before it, so that a gap is of its making.
    """

    meanwhile: frozenset[str] | None = None
    healed_at: Instant | None = None
    served: bool = True
    etcd: Etcd | None = None


def nothing(_lab: Lab, _folder: Path) -> None:
    """Most pairs need nothing but their file."""


@dataclass(frozen=True, slots=True)
class Play:
    """A fault by name: `act` makes it and returns when all that follows from it has happened.

    Before it alpha holds the group, unless it `starts` the daemons itself. `text` is the pair's
    file, in which @FOLDER@ stands for the folder that it lies in. Where it `votes`, three members
    of etcd run on the host `VOTERS` of the public network, and @ENDPOINTS@ stands for them.
    """

    fault: str
    act: Callable[[Scene, Told], None]
    ends: frozenset[str] = frozenset({"alpha"})  # each of them may hold in the end
    text: str = field(default_factory=fast_pair)
    addresses: tuple[str, ...] = (SERVICE, SERVICE_6)
    starts: bool = False
    votes: bool = False
    rate: int = RATE
    prepare: Callable[[Lab, Path], None] = nothing  # lays what the file names into the folder
    splits: bool = False  # two holders are what has been asked for, until it is healed
    may_split: bool = False  # likewise, for as long as etcd has no leader

    def __str__(self) -> str:
        return self.fault

    def on(self, lab: Lab, folder: Path) -> Row:
        """Play it in `lab`; `folder` is for the pair."""
        text = self.text.replace("@FOLDER@", str(folder))
        self.prepare(lab, folder)
        with ExitStack() as stack:
            etcd = stack.enter_context(members(lab, folder / "etcd")) if self.votes else None
            if etcd is not None:
                text = text.replace("@ENDPOINTS@", json.dumps(etcd.endpoints))
            stage = stack.enter_context(scene(lab, folder, text, *self.addresses, rate=self.rate))
            return self._measured(stage, Told(etcd=etcd))

    def _measured(self, stage: Scene, told: Told) -> Row:
        if not self.starts:
            stage.begin()
            stage.whole(holder="alpha")
            stage.client.report()
        before = 0 if self.starts else epoch(stage)
        self.act(stage, told)
        end = stage.agreed()
        spent = epoch(stage) - before
        for address in stage.addresses:
            stage.watch.wait_for(address, {end}, PATIENCE_S)
        over = clock.now()
        healed_at = over if told.healed_at is None else told.healed_at
        seen = stage.watch.seen.values()
        reports = stage.client.report().values()
        gaps = [report["longest_gap_ms"] for report in reports]
        return Row(
            fault=self.fault,
            meanwhile=told.meanwhile,
            end=frozenset({end}),
            twice_ns=max(each.twice_ns(Instant(0), over) for each in seen),
            after_ns=max(each.twice_ns(healed_at, over) for each in seen),
            epochs=spent,
            lost=sum(report["lost"] for report in reports),
            out_ms=max(gaps) if told.served else None,
            pause_ns=stage.watch.longest_pause_ns,
        )


def epoch(stage: Scene) -> int:
    """The highest epoch of any group: one that undoes what was before still shows an older one."""
    return max(
        int(group["epoch"]) for node in HOSTS for group in stage.status(node)["groups"].values()
    )


@contextmanager
def members(lab: Lab, folder: Path) -> Iterator[Etcd]:
    """Three members of etcd on a guest of `lab`, with an address each."""
    numbers = [str(201 + index) for index in range(MEMBERS)]
    with lab.guest(VOTERS, *numbers):
        etcd = Etcd(folder, namespace=lab.namespace(VOTERS))
        try:
            etcd.start(MEMBERS, [PUBLIC.numbered(number) for number in numbers])
            yield etcd
        finally:
            etcd.stop()


def lay_scripts(_: Lab, folder: Path) -> None:
    """Phase scripts that do nothing, so that each move has its phases."""
    scripts = folder / "scripts" / SERVICE
    scripts.mkdir(parents=True)
    for name in ("PreAcq10.Nothing", "PostRel10.Nothing"):
        script = scripts / name
        script.write_text("#!/bin/sh\n")
        script.chmod(0o755)


class Plays:
    """Those of `wanted` are played in their order, `at_once` at a time; `row` waits for one."""

    def __init__(self, name: str, folder: Path, wanted: Sequence[Play], at_once: int) -> None:
        self._name = name
        self._folder = folder
        self._wanted = wanted
        self._at_once = at_once
        self._labs: SimpleQueue[Lab] = SimpleQueue()
        self._rows: dict[str, Future[Row]] = {}

    @contextmanager
    def under_way(self) -> Iterator["Plays"]:
        """They are being played; at the end, however it comes, nothing of them is left."""
        with ExitStack() as stack:
            for number in range(min(self._at_once, len(self._wanted))):
                self._labs.put(stack.enter_context(Lab.open(f"{self._name[:20]}-{number}")))
            pool = ThreadPoolExecutor(self._at_once, thread_name_prefix="play")
            stack.callback(pool.shutdown, cancel_futures=True)
            for play in self._wanted:
                self._rows[play.fault] = pool.submit(self._play, play)
            yield self

    def row(self, play: Play) -> Row:
        """What was measured of `play`; what it raised is raised here."""
        return self._rows[play.fault].result()

    def _play(self, play: Play) -> Row:
        lab = self._labs.get()
        try:
            # a name of few letters: the path of a control socket may have 107
            folder = self._folder / str(self._wanted.index(play))
            folder.mkdir()
            return play.on(lab, folder)
        finally:
            self._labs.put(lab)
