"""The report of the daemon as a picture for people: 80 columns, plain characters, words for faults.

Takes the contract of ``status --json`` and nothing else, so it shows nothing that a program
could not know. Colour is only a help: each coloured word says the same without it.
"""

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import click

Report = Mapping[str, Any]

WIDTH = 80
SIDE = 24
"""Columns of each node's box."""

WIRE = WIDTH - 2 * SIDE
"""Columns between the boxes."""

GOOD, BAD, ODD = "green", "red", "yellow"
"""Well; nothing goes; not as it should be."""


def picture(report: Report) -> Iterator[str]:
    """The lines, coloured for a terminal."""
    yield from _title(report)
    yield ""
    yield from _nodes(report)
    yield ""
    for name, group in report["groups"].items():
        yield from _group(name, group, report)
    problems = list(_problems(report))
    yield ""
    if not problems:
        yield click.style("Nothing is wrong.", fg=GOOD)
    for problem in problems:
        yield from _wrapped(click.style("! ", fg=BAD), problem)
    for note in _notes(report):
        yield from _wrapped("- ", note)


def _title(report: Report) -> Iterator[str]:
    seen = f", seen from {report['node']} at {report['at']}  (ipfo {report['version']})"
    pair = _cut(f"pair {report['pair']}", max(12, WIDTH - len(seen)))
    yield click.style(pair, bold=True) + _cut(seen, WIDTH - len(pair))


def _nodes(report: Report) -> Iterator[str]:
    """Two boxes with the links between them, an arrow for each direction."""
    mine, theirs = report["node"], report["peer"]["name"]
    left = [mine, _own_word(report), *_held_by(mine, report)]
    right = [theirs, _peer_word(report), *_held_by(theirs, report)]
    wires = [row for name, link in report["links"].items() for row in _wire(name, link)]
    height = max(len(left), len(right), len(wires))
    inner = SIDE - 4
    yield "+" + "-" * (SIDE - 2) + "+" + " " * WIRE + "+" + "-" * (SIDE - 2) + "+"
    for row in range(height):
        ours = click.style(_cell(left, row, inner), bold=row == 0)
        other = click.style(_cell(right, row, inner), bold=row == 0)
        wire = wires[row] if row < len(wires) else " " * WIRE
        yield f"| {ours} |{wire}| {other} |"
    yield "+" + "-" * (SIDE - 2) + "+" + " " * WIRE + "+" + "-" * (SIDE - 2) + "+"


def _cell(lines: list[str], row: int, width: int) -> str:
    return _cut(lines[row] if row < len(lines) else "", width).ljust(width)


def _held_by(node: str, report: Report) -> list[str]:
    held = [name for name, group in report["groups"].items() if group["holder"] == node]
    return [f"holds {name}" for name in held[:6]] + (
        [f"and {len(held) - 6} more"] if len(held) > 6 else []
    )


def _own_word(report: Report) -> str:
    if report["restarting"]:
        return "here, restarting"
    return "here" + (", set aside" if report["standby"] else "")


def _peer_word(report: Report) -> str:
    peer = report["peer"]
    if peer["heard_ms_ago"] is None:
        return "never heard"
    ago = _duration_ms(peer["heard_ms_ago"])
    if peer["restarting"]:
        return "restarting"
    return f"heard {ago} ago" if peer["alive"] else f"silent for {ago}"


def _wire(name: str, link: Report) -> Iterator[str]:
    """Three rows: the name with the figures, what comes in, what goes out."""
    state = link["state"]
    color = {"up": GOOD, "late": ODD}.get(state, BAD)
    figures = f" rtt {link['rtt_ms']:.1f} ms" if link["rtt_ms"] is not None else ""
    figures += f" loss {link['loss']:.0%}" if link["loss"] else ""
    yield f" {_cut(name, WIRE - 1 - len(figures))}{figures}".ljust(WIRE)
    yield _arrow("<", state if state != "up" else "", color)
    if link["peer_hears"]:
        yield _arrow(">", "", GOOD)
    else:
        yield _arrow(">", "not heard" if state == "up" else "who knows", BAD)


def _arrow(head: str, word: str, color: str) -> str:
    shaft = "-" if color != BAD else "."
    middle = f" {word} " if word else ""
    line = middle.center(WIRE - 4, shaft)
    line = f" {head}{line}{shaft} " if head == "<" else f" {shaft}{line}{head} "
    return click.style(line, fg=color)


def _group(name: str, group: Report, report: Report) -> Iterator[str]:
    holder = group["holder"]
    where = f"{holder} since {_ago(group['held_since'], report['at'])}" if holder else "nobody"
    lead, tail = f"{_cut(name, WIDTH - 1)}:", f", epoch {group['epoch']}"
    unknown = holder is None and not group["holder_known"]
    if unknown:
        held = f"holder {click.style('not known', fg=BAD)}{tail}"
    else:
        who = click.style(_cut(where, WIDTH - 30), fg=GOOD if holder else BAD)
        held = f"held by {who}{tail}"
    together = len(lead) + len(click.unstyle(held)) < WIDTH
    yield click.style(lead, bold=True) + (f" {held}" if together else "")
    if not together:
        yield f"  {held}"
    yield from _wrapped("  ", ", ".join(group["addresses"]))
    phase = f", running {group['phase']}" if group["phase"] else ""
    yield _cut(f"  {report['node']}: {_state(group['role'], group['health'])}{phase}", WIDTH)
    if group["health_why"]:
        yield from _wrapped("    ", group["health_why"])
    if group["voted_until"]:
        yield f"    the voter keeps it for {_cut(report['node'], 24)} until {group['voted_until']}"
    peer, name_of_peer = group["peer"], report["peer"]["name"]
    if peer is None:
        yield _cut(f"  {name_of_peer}: has said nothing of it", WIDTH)
    else:
        age = _duration_ms(peer["heard_ms_ago"])
        told = f"{_state(peer['role'], peer['health'])}, epoch {peer['epoch']}"
        last = f"{age} ago" if report["peer"]["alive"] else f"its last word, {age} ago"
        yield _cut(f"  {name_of_peer}: {told}, {last}", WIDTH)


HEALTH_IN_WORDS = {
    "able": "able",
    "listening": "listens still",
    "carrier": "no carrier",
    "outcast": "set aside",
    "vetoed": "refused its last claim",
    "failed": "failed to take it",
}


def _state(role: str, health: str) -> str:
    """Both in words, and none of them twice."""
    return role if health == role else f"{role}, {HEALTH_IN_WORDS.get(health, health)}"


def _notes(report: Report) -> Iterator[str]:
    """What is no trouble of now, and yet to be known."""
    fence = report["fence"]
    if fence is not None and fence["asked"] is not None and fence["failed"] is None:
        when = _ago(fence["asked"], report["at"])
        yield f"{report['peer']['name']} was fenced by this node at {when}"
    reload = report["reload"]
    if reload is not None and reload["refused"]:
        first, *others = reload["refused"]
        more = f" (and {len(others)} more: see 'ipfo check')" if others else ""
        yield f"the config was not reloaded at {_ago(reload['at'], report['at'])}: {first}{more}"
    keys = report["keys"]
    others = [key for key in keys["accepts"] if key != keys["sends"]]
    if others:
        yield f"sends with key {keys['sends']}, and accepts {', '.join(others)}, too"
    if keys["peer_sends"] not in (None, keys["sends"]):
        yield f"{report['peer']['name']} sends with key {keys['peer_sends']}"
    for warning in report["warnings"]:
        yield f"config: {warning}"


def _problems(report: Report) -> Iterator[str]:
    peer = report["peer"]
    if peer["heard_ms_ago"] is None:
        yield f"{peer['name']} has not been heard since this daemon was started"
    elif not peer["alive"]:
        yield f"{peer['name']} is silent on every link"
    if peer["same_config"] is False:
        yield f"the configurations of {report['node']} and {peer['name']} differ"
    if report["standby"]:
        yield f"{report['node']} is set aside: 'ipfo resume' lets it hold groups again"
    for node, ordered in ((report["node"], report), (peer["name"], peer)):
        if ordered["maintenance"]:
            ends = f"end it with 'ipfo resume' on {node}"
            yield f"maintenance: nothing moves by itself; {ends} (until then no takeover either)"
    yield from _others_problems(report)
    for name, link in report["links"].items():
        yield from _link_problems(name, link, peer)
    for name, group in report["groups"].items():
        yield from _group_problems(name, group, report)
    yield from _no_second(report)
    for interface, up in report["carrier"].items():
        if not up:
            yield f"interface {interface} is not there or has no carrier"
    for kind, worker in report["workers"].items():
        if worker["fault"]:
            times = "once" if worker["restarts"] == 1 else f"{worker['restarts']} times"
            yield f"worker {kind}: {worker['fault']} (started again {times})"
    yield from _outbox_problems(report["outbox"])


def _link_problems(name: str, link: Report, peer: Report) -> Iterator[str]:
    if peer["alive"] and link["state"] != "up":
        yield f"link {name} is {link['state']}: nothing comes from {link['remote']}"
    if peer["alive"] and link["state"] == "up" and not link["peer_hears"]:
        yield f"link {name} is one-way: {peer['name']} does not hear us there"
    rejected = sum(link["rejected"].values())
    if rejected:
        why = ", ".join(f"{count} {reason}" for reason, count in link["rejected"].items())
        yield f"link {name}: {rejected} datagrams were rejected within a minute ({why})"
    if link["unsent"]:
        yield f"link {name}: {link['unsent']} heartbeats could not be sent within a minute"


def _others_problems(report: Report) -> Iterator[str]:
    """What third parties said last, where that was not what one wants of them."""
    words = {
        "witnesses": "no witness can be reached",
        "voter": "the voter cannot be asked",
        "fence": "the fence failed",
    }
    for key, words_of_it in words.items():
        contact = report[key]
        if contact is not None and contact["failed"] is not None:
            yield f"{words_of_it}, at {contact['asked']}: {contact['failed']}"


HEALTH_PROBLEMS = {
    "ill": "is ill on {}",
    "frozen": "is frozen on {}: nobody else takes it, even from a dead holder; 'ipfo resume' there,"
    " or a handover, ends that",
    "isolated": "cannot be held by {}: it is the isolated one, as far as it can tell",
}


def _group_problems(name: str, group: Report, report: Report) -> Iterator[str]:
    if group["holder"] is None:
        yield _without_holder(name, group, report)
    if group["split"]:
        yield f"{name} has two holders; the lower epoch is about to let go"
    if group["contested"]:
        yield f"{name} is contested: its address answers, and nobody says that he holds it"
        for answer in group["answered_by"]:
            whose = answer["whose"] or "nobody knows whose it is"
            yield f"{name}: {answer['address']} is answered by {answer['card']} ({whose})"
    if group["ill"]:
        yield f"{name} is ill on {report['node']}: {group['ill']}"
    elif group["health"] in HEALTH_PROBLEMS:
        why = f" ({group['health_why']})" if group["health_why"] else ""
        where = report["node"]
        if group["health"] == "frozen" and group["frozen_until"] is not None:
            where = f"{where} until {group['frozen_until'][:19]}Z"
        yield f"{name} {HEALTH_PROBLEMS[group['health']].format(where)}{why}"
    if group["peer"] is not None and group["peer"]["health"] in HEALTH_PROBLEMS:
        yield f"{name} {HEALTH_PROBLEMS[group['peer']['health']].format(report['peer']['name'])}"
    for failure in group["failures"]:
        what = "its lease" if failure["what"] == "lease" else failure["what"]
        yield f"{name}: {what} failed at {failure['at']}: {failure['why']}"


def _without_holder(name: str, group: Report, report: Report) -> str:
    """Nobody has it, or nobody knows: why, and what ends that."""
    node, peer, said = report["node"], report["peer"], group["peer"]
    why = group["not_taken"]
    if group["frozen_until"] is not None and group["health"] == "frozen":
        by_hand = f"'ipfo resume' or 'ipfo handover {name} --to {node}'"
        why = f"{why}; until {group['frozen_until'][:19]}Z, {by_hand}"
    because = f"; {node} does not take it: {why}" if why else ""
    if group["holder_known"]:
        theirs = "" if said is None else CANNOT.get(said["health"], "").format(peer["name"])
        return f"nobody holds {name}{because}" + (f"; {theirs}" if theirs else "")
    if said is None:
        quiet = "has said nothing of it" if peer["alive"] else "has not been heard"
        return f"who holds {name} is not known: {peer['name']} {quiet}{because}"
    ago = f"{_duration_ms(said['heard_ms_ago'])} ago"
    word = "that it holds it" if said["role"] == "holder" else f"that it is {said['role']}"
    heard = f"{peer['name']} is not heard; its last word, {ago}, was {word}"
    return f"who holds {name} is not known: {heard}{because}"


CANNOT = {
    "listening": "{} still listens: it was started, or slept, a moment ago",
    "carrier": "{} has no carrier there",
    "outcast": "{0} is set aside ('ipfo resume' on {0})",
    "stopping": "{} is stopping",
    "vetoed": "a test or pre_acq on {} refused its last claim",
    "failed": "the last claim of {} failed",
    "frozen": "it is frozen on {}",
    "isolated": "{} reaches no witness",
}
"""Why the peer, by its own word, would not take a group; one that is ill does, for want of better."""


def _no_second(report: Report) -> Iterator[str]:
    """Groups whose holder has nobody behind it, though the other node lives."""
    mine, peer = report["node"], report["peer"]
    why: dict[str, list[str]] = {}
    for name, group in report["groups"].items():
        reason: str | None = None
        if group["holder"] == mine and peer["alive"]:
            said = group["peer"]
            reason = f"{peer['name']} has said nothing of it"
            if said is not None:
                reason = CANNOT.get(said["health"], "").format(peer["name"]) or None
        elif group["holder"] == peer["name"]:
            reason = group["not_taken"]
        if reason is not None:
            why.setdefault(reason, []).append(name)
    for reason, names in why.items():
        more = f" and {len(names) - 6} more" if len(names) > 6 else ""
        yield f"no second node for {', '.join(names[:6])}{more}: {reason}"


def _outbox_problems(outbox: Report | None) -> Iterator[str]:
    if outbox is None:
        return
    if outbox.get("queued"):
        yield f"{outbox['queued']} notices are not delivered yet"
    if outbox.get("dropped"):
        yield f"{outbox['dropped']} notices were dropped: the outbox was full"


def _wrapped(lead: str, text: str) -> Iterator[str]:
    """`text` in lines of at most WIDTH columns, the first begun with `lead` (two columns)."""
    yield from textwrap.wrap(
        text, WIDTH, initial_indent=lead, subsequent_indent="  ", break_on_hyphens=False
    )


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "~"


def _ago(then: str, now: str) -> str:
    """``then``, and how long ago that is."""
    since = datetime.fromisoformat(now) - datetime.fromisoformat(then)
    return f"{then[:19]}Z ({_duration(since)})"


def _duration(length: timedelta) -> str:
    return _duration_ms(length.total_seconds() * 1000)


UNITS: Iterable[tuple[str, float]] = (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000))


def _duration_ms(milliseconds: float) -> str:
    for unit, size in UNITS:
        if milliseconds >= 2 * size:
            return f"{milliseconds / size:.0f} {unit}"
    if milliseconds >= 1000:
        return f"{milliseconds / 1000:.1f} s"
    return f"{milliseconds:.0f} ms"
