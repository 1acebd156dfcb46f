"""The `rehearsal` worker: tries what a new run of the daemon would do first, and changes nothing.

So an orderly restart is refused while everything is still held, where the new run could not load
its config, would be another node or another pair's, and not find what this one leaves to it, or
would not go on holding it.
"""

from pathlib import Path
from typing import Any

from ipfo.config.load import load
from ipfo.config.model import Config
from ipfo.errors import ConfigError
from ipfo.workers import child
from ipfo.workers.member import Members
from ipfo.workers.sweep import Sweep

Asked = dict[str, Any]


def rehearse(given: Asked) -> Asked:
    """The `faults` of the file `config`, or whose `pair` and `node` a run of it would be.

    `lost`: the units held in `state_dir` that it would let go, and why.
    """
    try:
        document = load(Path(given["config"]), node=given["node"])
    except ConfigError as error:
        return {"faults": list(error.faults)}
    config, state_dir = Config.from_document(document), Path(given["state_dir"])
    members = Members(config, state_dir, remarks=[])
    sweep = Sweep(members, state_dir, config.terms(boot=0), remarks=[], alone=True)
    return {"faults": [], "pair": config.pair, "node": config.node, "lost": sweep.foresee()}


def main() -> None:
    """Serve the engine until it ends."""
    child.serve({"setup": lambda _: {}, "load": rehearse})


if __name__ == "__main__":
    main()
