"""The `rehearsal` worker: tries what a new config would do first, and changes nothing.

So an orderly restart is refused while everything is still held, where the new run could not load
its config, would be another node or another pair's, and not find what this one leaves to it, or
would not go on holding it.
"""

from pathlib import Path
from typing import Any

from ipfo.config.changes import between
from ipfo.config.keys import keyring
from ipfo.config.load import load
from ipfo.config.model import Config
from ipfo.errors import ConfigError
from ipfo.workers import child, confine, rights
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


def compare(given: Asked) -> Asked:
    """The `faults` of the file `config`, or what a daemon that runs by `document` makes of it.

    `live`: the keys that it can take over; `restart`: those that need a new run. Where there are
    none of these, the new `document` too, and its `keys`: the one to send with first.
    """
    old = given["document"]
    try:
        document = load(Path(given["config"]), node=given["node"])
        keys = keyring(Config.from_document(document))
    except ConfigError as error:
        return {"faults": list(error.faults)}
    for what in ("pair", "node"):
        if document[what] != old[what]:
            why = f"it would be {what} {document[what]}, not {old[what]}: stop and start instead"
            return {"faults": [f"{given['config']}: {why}"]}
    changes = between(old, document)
    answer = {"faults": [], "live": list(changes.live), "restart": list(changes.restart)}
    if changes.restart:
        return answer
    others = [key for key_id, key in keys.keys.items() if key_id != keys.key_id]
    told = [key.hex() for key in (keys.keys[keys.key_id], *others)]
    return {**answer, "document": document, "keys": told}


def main() -> None:
    """Serve the engine until it ends."""
    rights.keep(rights.FILES)
    handlers: dict[str, child.Handler] = {"load": rehearse, "compare": compare}
    child.serve({"setup": lambda _: {}, **handlers}, door=child.Door.inherited(confine.ASIDE))


if __name__ == "__main__":
    main()
