"""Which plugins a worker loads: those that its part of the config chooses, and no others.

A chosen name is an entry point's, or one that a plugin of the config's ``plugins`` list offers.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from ipfo.config.model import Config
from ipfo.errors import PluginError
from ipfo.plugin.contracts import Offer
from ipfo.plugin.registry import Registry, installed

T = TypeVar("T")


def offers(
    config: Config,
    names: Sequence[str],
    of: Callable[[Registry], Mapping[str, Offer[T]]],
) -> Mapping[str, Offer[T]]:
    """The offers of the kind `of` under `names`.

    :raises PluginError: for a name that nobody offers, or a plugin that cannot be loaded.
    """
    known = installed()
    own = [name for name in dict.fromkeys(names) if name in known]
    registry = Registry(own)
    if not set(names) <= set(of(registry)):
        registry = Registry([*config.plugins, *(n for n in own if n not in config.plugins)])
    found = of(registry)
    missing = [name for name in dict.fromkeys(names) if name not in found]
    if missing:
        raise PluginError(
            *(f'no plugin offers "{name}" any more: check the config' for name in missing)
        )
    return {name: found[name] for name in names}
