"""The process that runs one notifier's code, for the `notices` worker.

It knows nothing of queues: one request is one notice, told or not told.
"""

from collections.abc import Mapping
from typing import Any

from ipfo.config.model import Config
from ipfo.model import Epoch, Event, Notice, Reason, Role
from ipfo.plugin.contracts import Notifier
from ipfo.plugin.registry import Registry
from ipfo.workers import child, chosen, confine

Asked = dict[str, Any]


def notice_from(given: Mapping[str, Any]) -> Notice:
    """The notice in `given`, whose enums are values; raises KeyError or ValueError if it is none."""
    role, reason = given.get("role"), given.get("reason")
    return Notice(
        key=given["key"],
        at=given["at"],
        event=Event(given["event"]),
        pair=given["pair"],
        node=given["node"],
        peer=given["peer"],
        headline=given["headline"],
        detail=given.get("detail", ""),
        group=given.get("group"),
        role=None if role is None else Role(role),
        epoch=Epoch(given.get("epoch", 0)),
        reason=None if reason is None else Reason(reason),
    )


def main() -> None:
    """Serve the `notices` worker until it ends."""
    made: list[Notifier] = []

    def setup(given: Asked) -> Asked:
        config = Config.from_document({**given["document"], "node": given["node"]})
        chosen_one = config.notifiers[given["index"]]
        offer = chosen.offers(config, [chosen_one.plugin], Registry.notifiers)[chosen_one.plugin]
        made[:] = [offer.build(chosen_one.options)]
        return {}

    def notify(given: Asked) -> Asked:
        made[0].notify(notice_from(given["notice"]))
        return {}

    child.serve({"setup": setup, "notify": notify}, door=child.Door.inherited(confine.ASIDE))


if __name__ == "__main__":
    main()
