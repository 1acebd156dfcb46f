"""``make fuzz``: atheris feeds one harness, from a corpus made of its seeds; ends at the first fault.

``python -m tests.fuzz.run HARNESS CORPUS RUNS`` needs atheris, which only that target installs;
without words it names the harnesses.
Each harness is a module here: `seeds` are valid inputs, `feed` raises where something is wrong.
"""

import importlib
import sys
from hashlib import sha256
from pathlib import Path
from types import ModuleType

HARNESSES = ("wire", "neighbours", "gateway", "worker", "control", "hostconfig", "pair_file")

INPUT_MAX = 4096
"""Bytes: more than any datagram or frame, and than a config that hides something needs."""


def harness(name: str) -> ModuleType:
    """The module of that name here."""
    return importlib.import_module(f"tests.fuzz.{name}")


def lay_corpus(name: str, folder: Path) -> None:
    """Each seed of the harness is a file in `folder`, beside what was found before."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in harness(name).seeds():
        (folder / sha256(seed).hexdigest()[:16]).write_bytes(seed)


def main(name: str, folder: Path, runs: int) -> None:
    """Feed `runs` inputs; what raised lies beside `folder` afterwards, named by atheris."""
    import atheris

    # what was imported before this is not looked into: so nothing of ours is, at the top
    with atheris.instrument_imports(include=["ipfo", "ipfo_plugins", "tomllib", "ipaddress"]):
        fed = harness(name)
    lay_corpus(name, folder)
    left = f"-artifact_prefix={folder.parent}/{name}-"
    atheris.Setup(
        [sys.argv[0], f"-runs={runs}", f"-max_len={INPUT_MAX}", left, str(folder)], fed.feed
    )
    atheris.Fuzz()


if __name__ == "__main__" and len(sys.argv) == 1:
    sys.stdout.write(" ".join(HARNESSES) + "\n")
elif __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
