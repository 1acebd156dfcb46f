"""Two real daemons on loopback: what design 5 to 8 promise, as seen through the control socket."""

import os
import signal
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path

from tests.daemon.looped import Looped, Report, held_by


def both_up(report: Report) -> bool:
    links = report["links"].values()
    return all(link["state"] == "up" and link["peer_hears"] for link in links)


def journal(pair: Looped, node: str) -> list[tuple[str, str, int, str]]:
    """Every turn of `node`: from, to, epoch, rule; none before its worker has made the journal."""
    store = sqlite3.connect(pair.state_dir(node) / "journal.sqlite")
    try:
        if not store.execute("PRAGMA table_info(journal)").fetchall():
            return []
        return store.execute(
            "SELECT was, role, epoch, rule FROM journal WHERE what = 'turn' ORDER BY id"
        ).fetchall()
    finally:
        store.close()


def test_the_preferred_node_claims_and_the_other_sees_it(looped: Looped) -> None:
    looped.start("alpha", "beta")
    alpha = looped.wait_for("alpha", held_by("alpha"))
    beta = looped.wait_for("beta", lambda r: held_by("alpha")(r) and both_up(r))

    assert alpha["groups"]["web"]["role"] == "holder"
    assert beta["groups"]["web"]["role"] == "standby"
    assert beta["groups"]["web"]["peer"]["role"] == "holder"
    assert beta["peer"]["alive"]
    assert beta["peer"]["same_config"] is True


def test_p3_a_killed_holder_is_replaced(looped: Looped) -> None:
    """P3: a healthy node that is not isolated holds the group soon after its peer's death."""
    looped.start("alpha", "beta")
    before = looped.wait_for("beta", lambda r: held_by("alpha")(r) and both_up(r))
    looped.end("alpha", signal.SIGKILL)
    after = looped.wait_for("beta", held_by("beta"))

    assert after["groups"]["web"]["epoch"] > before["groups"]["web"]["epoch"]
    assert not after["peer"]["alive"]
    assert after["links"]["one"]["state"] == "silent"


def test_p4_epochs_grow_over_restarts(looped: Looped) -> None:
    """P4: epochs only grow, over restarts of either node."""
    looped.start("alpha")
    first = looped.wait_for("alpha", held_by("alpha"))["groups"]["web"]["epoch"]
    looped.end("alpha", signal.SIGKILL)
    looped.start("alpha")
    second = looped.wait_for("alpha", held_by("alpha"))["groups"]["web"]["epoch"]

    assert second > first


def test_sigterm_hands_over_and_ends_well(looped: Looped) -> None:
    looped.start("alpha", "beta")
    looped.wait_for("alpha", lambda r: held_by("alpha")(r) and both_up(r))
    looped.wait_for("beta", both_up)

    assert looped.end("alpha") == 0
    looped.wait_for("beta", held_by("beta"))
    last = [("holder", "yielder"), ("yielder", "standby")]

    def is_stored(_: Report) -> bool:
        """The worker that writes the journal may end a little after the engine."""
        return [turn[:2] for turn in journal(looped, "alpha")][-2:] == last

    looped.wait_for("beta", is_stored)
    assert "Traceback" not in looped.log("alpha").read_text()


def script(folder: Path, name: str, text: str) -> None:
    """An executable of Apple's layout for the group's first address."""
    place = folder / "192.0.2.100"
    place.mkdir(parents=True, exist_ok=True)
    path = place / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_p5_phases_run_on_both_nodes_in_order_around_a_handover(
    make_looped: Callable[..., Looped], tmp_path: Path
) -> None:
    """P5: what began with pre_acq ends with post_rel, in order."""
    scripts, told = tmp_path / "scripts", tmp_path / "told"
    for name in ("Test", "PreAcq", "PostAcq", "PreRel", "PostRel"):
        script(scripts, name, f'echo "$IPFO_NODE {name} $1" >>{told}')
    pair = make_looped(f'scripts = "{scripts}"\nphase_timeout = "10s"')
    pair.start("alpha", "beta")
    pair.wait_for("alpha", lambda r: held_by("alpha")(r) and both_up(r))
    pair.wait_for("beta", both_up)
    done = pair.ask("alpha", "handover", "web")
    assert done.returncode == 0, done.stderr + pair.log("alpha").read_text()
    assert "pre_rel: phase begins" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("done in ")
    assert pair.end("beta") == 0

    lines = told.read_text().splitlines()
    of_alpha = [line.removeprefix("alpha ") for line in lines if line.startswith("alpha")]
    assert of_alpha[:3] == ["Test acquire", "PreAcq acquire", "PostAcq acquire"]
    assert of_alpha[3:6] == ["Test release", "PreRel release", "PostRel release"]
    of_beta = [line.split()[1] for line in lines if line.startswith("beta")]
    assert of_beta[:3] == ["Test", "PreAcq", "PostAcq"]
    assert of_beta[-2:] == ["PreRel", "PostRel"]


def test_a_veto_refuses_a_handover_and_says_why(
    make_looped: Callable[..., Looped], tmp_path: Path
) -> None:
    scripts = tmp_path / "scripts"
    script(scripts, "Test", '[ "$IPFO_NODE" = alpha ] || { echo no disk; exit 1; }')
    pair = make_looped(f'scripts = "{scripts}"')
    pair.start("alpha", "beta")
    pair.wait_for("alpha", lambda r: held_by("alpha")(r) and both_up(r))
    pair.wait_for("beta", both_up)
    refused = pair.ask("alpha", "handover", "web")

    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1
    assert "refused" in refused.stderr
    assert pair.status("alpha")["groups"]["web"]["holder"] == "alpha"


def test_p6_a_hook_that_hangs_is_ended_and_costs_no_heartbeat(
    make_looped: Callable[..., Looped], tmp_path: Path
) -> None:
    """P6: nothing delays a heartbeat: no hook, hanging or spinning."""
    scripts = tmp_path / "scripts"
    script(scripts, "PostAcq", "while :; do :; done")
    pair = make_looped(f'scripts = "{scripts}"\nphase_timeout = "1s"')
    pair.start("alpha", "beta")
    pair.wait_for("alpha", lambda r: r["groups"]["web"]["phase"] == "post_acq")
    report = pair.wait_for(
        "alpha", lambda r: held_by("alpha")(r) and not r["groups"]["web"]["phase"]
    )

    assert report["peer"]["alive"]
    pair.wait_for("alpha", lambda _: "post_acq of web failed" in pair.log("alpha").read_text())
    assert pair.status("beta")["links"]["one"]["loss"] == 0


def test_a_second_sigterm_ends_at_once(make_looped: Callable[..., Looped], tmp_path: Path) -> None:
    """pre_rel would run for a minute: nothing is waited for, and the end is told as a bad one."""
    scripts = tmp_path / "scripts"
    script(scripts, "PreRel", "exec tail -f /dev/null")
    pair = make_looped(f'scripts = "{scripts}"\nphase_timeout = "60s"')
    pair.start("alpha")
    pair.wait_for("alpha", held_by("alpha"))
    pair.daemons["alpha"].send_signal(signal.SIGTERM)
    pair.wait_for("alpha", lambda r: r["groups"]["web"]["phase"] == "pre_rel")

    assert pair.end("alpha", signal.SIGINT) == 1
    last = pair.log("alpha").read_text().splitlines()[-1]
    assert last == "ipfo: ended out of order: it was told to end twice"


def test_every_turn_is_in_the_journal_with_its_rule(looped: Looped) -> None:
    """P10: every turn is stored with the rule that fired."""
    looped.start("alpha", "beta")
    looped.wait_for("alpha", held_by("alpha"))
    looped.wait_for("beta", both_up)
    looped.end("alpha")
    looped.wait_for("beta", held_by("beta"))
    looped.end("beta")

    turns = journal(looped, "beta")
    assert turns[0][:2] == ("standby", "claimant")
    assert turns[1][:2] == ("claimant", "holder")
    assert all(rule for *_, rule in turns)


def test_standby_outlives_a_restart(looped: Looped) -> None:
    looped.start("alpha", "beta")
    looped.wait_for("alpha", lambda r: held_by("alpha")(r) and both_up(r))
    looped.wait_for("beta", both_up)
    done = looped.ask("alpha", "standby")
    assert done.returncode == 0, done.stderr
    assert looped.end("alpha") == 0
    looped.start("alpha")
    report = looped.wait_for("alpha", lambda r: both_up(r) and r["standby"])

    assert report["groups"]["web"]["role"] == "outcast"
    assert report["groups"]["web"]["holder"] == "beta"


def test_a_frozen_engine_does_not_hold_up_its_peer(looped: Looped) -> None:
    """P3, and after the thaw P2: the lower epoch lets go, and one holder is left."""
    looped.start("alpha", "beta")
    looped.wait_for("beta", lambda r: held_by("alpha")(r) and both_up(r))
    looped.daemons["alpha"].send_signal(signal.SIGSTOP)
    looped.wait_for("beta", held_by("beta"))
    looped.daemons["alpha"].send_signal(signal.SIGCONT)

    report = looped.wait_for("alpha", held_by("beta"))
    assert report["groups"]["web"]["role"] in ("yielder", "standby")
    looped.wait_for("beta", lambda r: held_by("beta")(r) and both_up(r))


def test_p6_a_dead_addresses_worker_is_replaced_and_no_heartbeat_is_lost(looped: Looped) -> None:
    looped.start("alpha", "beta")
    looped.wait_for("alpha", lambda r: held_by("alpha")(r) and both_up(r))
    pids = children(looped.daemons["alpha"].pid)
    (addresses,) = [pid for pid, command in pids.items() if "ipfo.workers.addresses" in command]
    os.kill(addresses, signal.SIGKILL)
    report = looped.wait_for(
        "alpha",
        lambda r: (
            r["workers"]["addresses"]["restarts"] > 0 and r["workers"]["addresses"]["running"]
        ),
    )

    assert report["links"]["one"]["unsent"] == 0
    beta = looped.status("beta")
    assert beta["links"]["one"]["state"] == "up"
    assert beta["links"]["one"]["loss"] == 0


def test_strangers_are_counted_and_move_nothing(looped: Looped) -> None:
    """P8: with a key set, a forged or truncated datagram changes nothing but a counter."""
    looped.start("alpha", "beta")
    looped.wait_for("alpha", lambda r: held_by("alpha")(r) and both_up(r))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for junk in (b"", b"x", b"ipfo" + bytes(200), bytes(2000)):
            stranger.sendto(junk, ("127.0.1.1", looped.port))
    report = looped.wait_for("alpha", lambda r: bool(rejected(r)))
    assert held_by("alpha")(report)
    assert both_up(report)


def rejected(report: Report) -> int:
    return sum(sum(link["rejected"].values()) for link in report["links"].values())


def children(pid: int) -> dict[int, str]:
    """The processes that `pid` has started, with their command lines."""
    found = {}
    for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found[int(each)] = Path(f"/proc/{each}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found
