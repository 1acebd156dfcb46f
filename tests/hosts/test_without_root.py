"""A pair of an ordinary user with the capabilities of the unit in docs/examples/service, and no more.

Neither the interpreter nor the checkout need be readable to that user: the namespace of a host has
its own mounts, and what the daemon runs from is mounted where everybody may read.
"""

import os
import re
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.house.sources import ROOT

from ipfo.testing.lab import CLIENT, HOSTS, PUBLIC, Lab
from ipfo.testing.pair import Pair
from ipfo.testing.scene import WEB, Scene, pair_file, write_pair

pytestmark = [pytest.mark.hosts, pytest.mark.patient, pytest.mark.timeout(120)]

UID = 7694
"""Of no user that there is."""

UNIT = ROOT / "docs" / "examples" / "service" / "ipfo@.service"

PARTS = {
    "python": sys.base_prefix,
    "site": sysconfig.get_path("purelib"),
    "core": ROOT / "core",
    "plugins": ROOT / "plugins",
}

AS_USER = """\
place=$1; shift
for part in python site core plugins; do mount --bind "$1" "$place/$part"; shift; done
cd /
exec setpriv --reuid "$UID_WANTED" --regid "$UID_WANTED" --clear-groups \\
    --inh-caps="$RIGHTS" --ambient-caps="$RIGHTS" --bounding-set="$RIGHTS" --no-new-privs \\
    env -i PATH="$PATH" CREDENTIALS_DIRECTORY="$place/credentials" \\
    PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$place/core:$place/plugins:$place/site" \\
    "$place/python/bin/python3" "$@"
"""

MORE = f"""\
[[groups.web.checks]]
plugin = "interface"
interface = "{PUBLIC.interface}"

[[witnesses]]
plugin = "ping"
address = "{PUBLIC.address(CLIENT)}"

[fence]
plugin = "command"
command = ["/bin/true", "{{peer}}"]
"""

NET_ADMIN, NET_RAW, BIND = 1 << 12, 1 << 13, 1 << 10

KEPT = {
    "addresses": NET_ADMIN | NET_RAW,
    "witnesses": NET_RAW,
    "notices": 0,
    "checks": 0,
    "fence": 0,
}
"""The table of docs/how-to/run-without-root.md, in the kernel's bits."""


def rights_of_the_unit() -> list[str]:
    found = re.search(r"^CapabilityBoundingSet=(.+)$", UNIT.read_text(), re.MULTILINE)
    assert found is not None
    return found[1].split()


class OrdinaryPair(Pair):
    """A pair whose daemons, and whose administrator, are an ordinary user."""

    def words(self, node: str, *words: str) -> list[str]:
        own = super().words(node, *words)
        return ["sh", "-c", AS_USER, "sh", str(self.folder), *map(str, PARTS.values()), *own[1:]]


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that everybody may enter, with what belongs to the user."""
    folder = Path(tempfile.mkdtemp(prefix="ipfo-user-"))
    folder.chmod(0o755)
    for name in (*PARTS, "credentials", *HOSTS):
        (folder / name).mkdir(mode=0o755)
    write_pair(folder, pair_file(groups=WEB + MORE, interval="200ms", takeover_after="1500ms"))
    (folder / "pair.toml").chmod(0o644)
    key = (folder / "pair.key").rename(folder / "credentials" / "pair.key")
    for name in ("credentials", *HOSTS):
        (folder / name).chmod(0o700)
        os.chown(folder / name, UID, UID)
    os.chown(key, UID, UID)
    key.chmod(0o400)
    rights = ",".join(f"+{each.removeprefix('CAP_').lower()}" for each in rights_of_the_unit())
    monkeypatch.setenv("UID_WANTED", str(UID))
    monkeypatch.setenv("RIGHTS", f"-all,{rights}")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def stage(lab: Lab, place: Path) -> Iterator[Scene]:
    for host in HOSTS:
        lab.start_echo(host)
    pair = OrdinaryPair(lab, place, place / "pair.toml")
    try:
        with (
            lab.watching(PUBLIC.numbered("100")) as watch,
            lab.asking(PUBLIC.numbered("100")) as client,
        ):
            yield Scene(lab, pair, watch, client, (PUBLIC.numbered("100"),))
    finally:
        pair.end()
        lab.reset()


def effective(pid: int) -> tuple[int, int]:
    """Whose a process is, and what it may do beyond that."""
    status = Path(f"/proc/{pid}/status").read_text()
    user, rights = (
        re.search(rf"^{key}:\s+(\w+)", status, re.MULTILINE) for key in ("Uid", "CapEff")
    )
    assert user is not None
    assert rights is not None
    return int(user[1]), int(rights[1], 16)


def test_p1_an_ordinary_user_with_three_capabilities_takes_holds_and_releases(stage: Scene) -> None:
    stage.begin()
    stage.whole(holder="alpha")
    assert effective(stage.pair.processes("alpha")[0]) == (UID, NET_ADMIN | NET_RAW | BIND)
    for kind, rights in KEPT.items():
        assert (kind, effective(stage.pair.worker("alpha", kind))) == (kind, (UID, rights))
    stage.pair.ask("alpha", "handover", "web")
    stage.answered_by("beta")
    assert stage.pair.stop("beta") == 0
    stage.answered_by("alpha")
    assert stage.pair.stop("alpha") == 0
    assert PUBLIC.numbered("100") not in stage.lab.run("alpha", ["ip", "address"]).stdout
