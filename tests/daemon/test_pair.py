"""Two real daemons on loopback: what design 5 to 8 promise, as seen through the control socket."""

import json
import os
import signal
import sqlite3
from collections.abc import Callable

import pytest
from tests.daemon.looped import Looped, Report, held_by

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs unix sockets")


def both_up(report: Report) -> bool:
    links = report["links"].values()
    return all(link["state"] == "up" and link["peer_hears"] for link in links)


def journal(pair: Looped, node: str) -> list[tuple[str, str, int, str]]:
    """Every turn of `node`: from, to, epoch, rule."""
    with sqlite3.connect(pair.state_dir(node) / "journal.sqlite") as store:
        (table,) = store.execute(
            "SELECT name FROM sqlite_master WHERE sql LIKE '%rule%' AND type = 'table'"
        ).fetchone()
        rows = store.execute(
            f"SELECT was, role, epoch, rule FROM {table} WHERE what = 'turn' ORDER BY rowid"
        ).fetchall()
    store.close()
    return rows


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
    assert [turn[:2] for turn in journal(looped, "alpha")][-2:] == [
        ("holder", "yielder"),
        ("yielder", "standby"),
    ]
    assert "handed" not in looped.log("alpha").read_text()
    assert "Traceback" not in looped.log("alpha").read_text()


def test_a_second_sigterm_ends_at_once(make_looped: Callable[..., Looped]) -> None:
    """Its post_acq hook is still running: nothing is waited for, and the end is told as bad."""
    pair = make_looped()
    pair.start("alpha", "beta")
    pair.wait_for("alpha", held_by("alpha"))
    pair.daemons["beta"].send_signal(signal.SIGSTOP)  # alive enough to be offered the group
    daemon = pair.daemons["alpha"]
    daemon.send_signal(signal.SIGTERM)
    daemon.send_signal(signal.SIGINT)
    assert pair.end("alpha") in (0, 1)
    pair.daemons["beta"].send_signal(signal.SIGCONT)


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
    import socket

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
    from pathlib import Path

    found = {}
    for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found[int(each)] = Path(f"/proc/{each}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


def test_a_status_is_json(looped: Looped) -> None:
    looped.start("alpha")
    assert json.loads(json.dumps(looped.status("alpha")))["node"] == "alpha"
