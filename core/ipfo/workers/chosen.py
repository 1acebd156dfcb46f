"""Which plugins a worker loads: those that its part of the config chooses, and no others.

A chosen name means an entry point, or what a plugin of the config's ``plugins`` list offers.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from ipfo.config.model import Config
from ipfo.errors import PluginError
from ipfo.plugin import by_node
from ipfo.plugin.contracts import Offer, Options
from ipfo.plugin.registry import Registry, entry_point_of, installed

T = TypeVar("T")

_KINDS: Mapping[Callable[[Registry], Mapping[str, Offer[Any]]], str] = {
    Registry.providers: "provider",
    Registry.notifiers: "notifier",
    Registry.checks: "check",
    Registry.witnesses: "witness",
    Registry.fences: "fence",
}


def offers(
    config: Config,
    names: Sequence[str],
    of: Callable[[Registry], Mapping[str, Offer[T]]],
) -> Mapping[str, Offer[T]]:
    """The offers of the kind `of` under `names`.

    :raises PluginError: for a name that nobody offers, or a plugin that cannot be loaded.
    """
    known = installed()
    meant = (entry_point_of(_KINDS[of], name, known) for name in names)
    own = [each for each in dict.fromkeys(meant) if each is not None]
    registry = Registry(own)
    if not set(names) <= set(of(registry)):
        registry = Registry([*config.plugins, *own])
    found = of(registry)
    missing = [name for name in dict.fromkeys(names) if name not in found]
    if missing:
        raise PluginError(
            *(f'no plugin offers "{name}" any more: check the config' for name in missing)
        )
    return {name: found[name] for name in names}


def built(offer: Offer[T], options: Options, node: str) -> T:
    """What `offer` builds from those of `options` that are `node`'s."""
    return offer.build(by_node.values(offer.schema, options, node))
