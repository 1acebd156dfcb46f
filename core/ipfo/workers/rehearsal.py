"""The `rehearsal` worker: tries what a new run of the daemon would do first, and changes nothing.

So an orderly restart is refused while everything is still held, where the new run could not load
its config, or would be another node or another pair's, and not find what this one leaves to it.
"""

from pathlib import Path
from typing import Any

from ipfo.config.load import load
from ipfo.errors import ConfigError
from ipfo.workers import child

Asked = dict[str, Any]


def rehearse(given: Asked) -> Asked:
    """The `faults` of the file `config`, or whose `pair` and `node` a run of it would be."""
    try:
        document = load(Path(given["config"]), node=given["node"])
    except ConfigError as error:
        return {"faults": list(error.faults)}
    return {"faults": [], "pair": document["pair"], "node": document["node"]}


def main() -> None:
    """Serve the engine until it ends."""
    child.serve({"setup": lambda _: {}, "load": rehearse})


if __name__ == "__main__":
    main()
