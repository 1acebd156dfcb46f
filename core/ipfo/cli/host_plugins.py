"""What ``ipfo check --host`` asks the plugins of checks, witnesses and the fence of this node.

Each is given the options that this node's worker will use, and knows best what it needs for them.
Nobody else is asked: whether a witness answers, or a service is well, is found out when it runs.
"""

from collections.abc import Iterator
from typing import Any

from ipfo.cli.finding import Finding
from ipfo.config.faults import key_path
from ipfo.config.locate import is_local
from ipfo.config.model import Config
from ipfo.plugin import by_node, marks
from ipfo.plugin.contracts import Offer, Options
from ipfo.plugin.registry import Registry
from ipfo.plugin.vetting import one_line

KINDS = ("check", "witness", "fence")
"""Whose needs are looked at."""


def findings(config: Config, registry: Registry) -> Iterator[Finding]:
    """What each of them lacks here, or that it lacks nothing. `registry` has all of `KINDS`."""
    for group in config.groups.values():
        for index, check in enumerate(group.checks):
            where = f"{key_path(('groups', group.name, 'checks', index))} ({check.plugin})"
            offer = registry.checks()[check.plugin]
            yield from _lacking(where, offer, _own(offer, check.options, config.node))
    for index, witness in enumerate(config.witnesses):
        where = f"witnesses[{index}] ({witness.plugin})"
        asked = registry.witnesses()[witness.plugin]
        options = _own(asked, witness.options, config.node)
        if not witness.votes:
            yield from _ourselves(where, asked, options)
        yield from _lacking(where, asked, options)
    if config.fence is not None:
        fence = registry.fences()[config.fence.plugin]
        options = _own(fence, config.fence.options, config.peer)  # whom this node would shoot
        yield from _lacking(f"fence ({config.fence.plugin})", fence, options)


def _own(offer: Offer[Any], options: Options, node: str) -> Options:
    return by_node.values(offer.schema, options, node)


def _lacking(where: str, offer: Offer[Any], options: Options) -> Iterator[Finding]:
    if offer.lacks is None:
        return
    try:
        missing = [" ".join(str(line).split()) for line in offer.lacks(options)]
    except Exception as error:  # a stranger's plugin may raise anything
        missing = [f"its plugin cannot say what it lacks: {one_line(error)}"]
    yield from [Finding("no", f"{where}: {line}") for line in missing] or [
        Finding("ok", f"{where}: all that it needs is here")
    ]


def _ourselves(where: str, offer: Offer[Any], options: Options) -> Iterator[Finding]:
    """Addresses that no link names, but are this host's all the same."""
    for _, address in marks.hosts(offer.schema, options):
        if is_local(str(address)):
            yield Finding(
                "no",
                f"{where}: {address} is on this host, which always reaches itself; name a third"
                " host that both nodes need, such as the gateway",
            )
