"""Loads the plugins that the config names, and no others, and calls them one at a time.

A plugin is an entry point of group ``ipfo``. Importing it is trusting it, so nothing is imported
because it happens to be installed. What breaks the contract is refused as a whole, with a line
that names the entry point and its distribution; it is never loaded in part.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, distributions, entry_points
from typing import Any, cast

import pluggy

from ipfo.errors import PluginError
from ipfo.model import Phase
from ipfo.plugin import hookspecs, vetting
from ipfo.plugin.contracts import (
    Check,
    Fence,
    Importer,
    Notifier,
    Offer,
    Provider,
    Transport,
    Voter,
    Witness,
)

GROUP = "ipfo"
"""The entry-point group, and pluggy's project name."""

PHASE_HOOKS: Mapping[Phase, str] = {phase: f"ipfo_{phase.value}" for phase in Phase}
"""The hook of each phase."""


@dataclass(frozen=True, slots=True)
class Described:
    """A loaded plugin, for people. `offers` are pairs of kind and name."""

    entry_point: str
    distribution: str
    version: str
    hooks: tuple[str, ...]
    offers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Loaded:
    entry_point: EntryPoint
    implementations: Mapping[str, pluggy.HookImpl]  # by hook name
    offers: Mapping[str, tuple[Offer[Any], ...]]  # by kind
    phase_options: Mapping[str, Any]


class _RefusedError(Exception):
    """Why one plugin cannot be used: its faults, a line each, without its name."""

    def __init__(self, *faults: str) -> None:
        super().__init__(*faults)
        self.faults = faults


def installed(paths: Sequence[str] | None = None) -> Mapping[str, tuple[EntryPoint, ...]]:
    """Every entry point of the group by name, nothing imported; more than one is a clash.

    :param paths: folders to look in instead of ``sys.path``.
    """
    found = (
        entry_points(group=GROUP)
        if paths is None
        else [
            entry_point
            for distribution in distributions(path=list(paths))
            for entry_point in distribution.entry_points.select(group=GROUP)
        ]
    )
    by_name: dict[str, tuple[EntryPoint, ...]] = {}
    for entry_point in found:
        by_name[entry_point.name] = (*by_name.get(entry_point.name, ()), entry_point)
    return by_name


def entry_point_of(kind: str, name: str, known: Container[str]) -> str | None:
    """The entry point that `name` means where a `kind` is chosen; None if `known` has none.

    ``KIND-NAME`` goes before ``NAME``, so that two kinds may both have, say, a ``tcp``.
    """
    return next((each for each in (f"{kind}-{name}", name) if each in known), None)


class Registry:
    """The plugins `names` (entry points), loaded in that order; a repeated name counts once.

    After construction all of them are imported, their hooks are known to be right, and what they
    offer has been asked for once. With `keep_going` those that are refused are left out and stand
    in `faults` (by entry-point name, a line each); without it there are none.

    :raises PluginError: for all that is wrong, a line for each fault (unless `keep_going`).
    """

    def __init__(
        self, names: Sequence[str], *, paths: Sequence[str] | None = None, keep_going: bool = False
    ) -> None:
        self.faults: dict[str, tuple[str, ...]] = {}
        self._loaded: dict[str, _Loaded] = {}
        self._manager = pluggy.PluginManager(GROUP)
        self._manager.add_hookspecs(hookspecs)
        known = installed(paths)
        for name in dict.fromkeys(names):
            try:
                self._loaded[name] = self._load(name, known)
            except _RefusedError as refusal:
                self.faults[name] = refusal.faults
        if self.faults and not keep_going:
            raise PluginError(*(fault for faults in self.faults.values() for fault in faults))

    def transports(self) -> Mapping[str, Offer[Transport]]:
        """The offered transports by name."""
        return self.offers("transport")

    def providers(self) -> Mapping[str, Offer[Provider]]:
        """The offered providers by name."""
        return self.offers("provider")

    def notifiers(self) -> Mapping[str, Offer[Notifier]]:
        """The offered notifiers by name."""
        return self.offers("notifier")

    def checks(self) -> Mapping[str, Offer[Check]]:
        """The offered checks by name."""
        return self.offers("check")

    def witnesses(self) -> Mapping[str, Offer[Witness | Voter]]:
        """The offered witnesses by name; one with the trait ``vote`` builds a `Voter`."""
        return self.offers("witness")

    def fences(self) -> Mapping[str, Offer[Fence]]:
        """The offered fences by name."""
        return self.offers("fence")

    def importers(self) -> Mapping[str, Offer[Importer]]:
        """The offered importers by name."""
        return self.offers("importer")

    def offers(self, kind: str) -> Mapping[str, Offer[Any]]:
        """What is offered of `kind`, one of those in `vetting.OFFER_HOOKS`, by name."""
        return {
            offer.name: offer for loaded in self._loaded.values() for offer in loaded.offers[kind]
        }

    def offered_by(self, kind: str, name: str) -> str:
        """The entry point that offers `name` of `kind`; KeyError if none does."""
        for loaded in self._loaded.values():
            if any(offer.name == name for offer in loaded.offers[kind]):
                return loaded.entry_point.name
        raise KeyError(name)

    def phase_plugins(self) -> tuple[str, ...]:
        """The loaded plugins that take part in any phase, in load order."""
        return tuple(
            name
            for name, loaded in self._loaded.items()
            if any(hook in loaded.implementations for hook in PHASE_HOOKS.values())
        )

    def phase_options(self, name: str) -> Mapping[str, Any]:
        """The schema of the phase plugin `name`'s options; empty where it takes none."""
        return self._loaded[name].phase_options

    def call_phase(self, phase: Phase, name: str, **arguments: Any) -> None:  # noqa: ANN401 - the hook's own
        """Call the implementation of `phase` in the plugin `name`; nothing where it has none.

        `arguments` are those of the hook specification, all of them; the implementation gets the
        ones that it names. Whatever it raises comes through.
        """
        implementation = self._loaded[name].implementations.get(PHASE_HOOKS[phase])
        if implementation is not None:
            implementation.function(*(arguments[each] for each in implementation.argnames))

    def described(self) -> list[Described]:
        """All loaded plugins, in load order."""
        return [
            Described(
                entry_point=name,
                distribution=_distribution(loaded.entry_point),
                version=_version(loaded.entry_point),
                hooks=tuple(sorted(loaded.implementations)),
                offers=tuple(
                    (kind, offer.name) for kind, offers in loaded.offers.items() for offer in offers
                ),
            )
            for name, loaded in self._loaded.items()
        ]

    def _load(self, name: str, known: Mapping[str, tuple[EntryPoint, ...]]) -> _Loaded:
        entry_point = _only(name, known)
        title = _title(entry_point)
        plugin = _import(entry_point, title)
        implementations = self._register(name, plugin, title)
        try:
            offers = {
                kind: _ask_for_offers(title, kind, implementations.get(hook))
                for kind, hook in vetting.OFFER_HOOKS.items()
            }
            self._refuse_doubles(title, offers)
            options = _ask_for_phase_options(title, implementations.get("ipfo_phase_options"))
        except _RefusedError:
            self._manager.unregister(plugin)
            raise
        return _Loaded(entry_point, implementations, offers, options)

    def _register(self, name: str, plugin: object, title: str) -> dict[str, pluggy.HookImpl]:
        """Register `plugin`; afterwards each of its hooks is one that ipfo calls, as it is called."""
        try:
            self._manager.register(plugin, name)
        except pluggy.PluginValidationError as error:
            # pluggy's first line names the plugin again, the others the hook and the argument
            words = " ".join(line.strip() for line in str(error).splitlines()[1:] if line.strip())
            if self._manager.has_plugin(name):  # older pluggies keep half of it
                self._manager.unregister(name=name)
            raise _RefusedError(f"{title} has a hook with wrong arguments: {words}") from None
        except ValueError:
            other = self._manager.get_name(plugin)
            raise _RefusedError(
                f'{title} is the same module as the plugin "{other}"; name one of them'
            ) from None
        callers = self._manager.get_hookcallers(plugin) or []
        implementations = {
            caller.name: impl
            for caller in callers
            for impl in caller.get_hookimpls()
            if impl.plugin is plugin
        }
        faults = [
            f'{title} implements "{caller.name}", which is no hook of ipfo'
            + vetting.nearest(caller.name, sorted(vars(hookspecs)))
            for caller in callers
            if not caller.has_spec()
        ]
        wrong = vetting.hook_faults(plugin, list(implementations.values()))
        faults += [f"{title}: {fault}" for fault in wrong]
        if not callers and not faults:
            faults.append(f"{title} implements no hook of ipfo; it would do nothing")
        if faults:
            self._manager.unregister(plugin)
            raise _RefusedError(*faults)
        return implementations

    def _refuse_doubles(self, title: str, offers: Mapping[str, tuple[Offer[Any], ...]]) -> None:
        faults = [
            f'{title} offers the {kind} "{offer.name}", which {_title(other.entry_point)}'
            " offers too; name only one of them in the config"
            for kind, offered in offers.items()
            for offer in offered
            for other in self._loaded.values()
            if any(offer.name == taken.name for taken in other.offers[kind])
        ]
        if faults:
            raise _RefusedError(*faults)


def _only(name: str, known: Mapping[str, tuple[EntryPoint, ...]]) -> EntryPoint:
    found = known.get(name, ())
    if not found:
        raise _RefusedError(
            f'plugin "{name}" is not installed: no distribution has it as an entry point of group'
            f' "{GROUP}"{vetting.nearest(name, sorted(known)) or "; pip install it"}'
        )
    if len(found) > 1:
        both = " and ".join(f"{_distribution(each)} {_version(each)}" for each in found)
        raise _RefusedError(f'plugin "{name}" is offered twice, by {both}; uninstall one of them')
    return found[0]


def _import(entry_point: EntryPoint, title: str) -> object:
    try:
        return cast("object", entry_point.load())
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a stranger's module may raise anything, SystemExit too
        raise _RefusedError(f"{title} cannot be imported: {vetting.one_line(error)}") from error


def _ask_for_offers(
    title: str, kind: str, implementation: pluggy.HookImpl | None
) -> tuple[Offer[Any], ...]:
    if implementation is None:
        return ()
    offered = _call_hook(title, vetting.OFFER_HOOKS[kind], implementation)
    faults = [f"{title}: {fault}" for fault in vetting.offer_faults(kind, offered)]
    if faults:
        raise _RefusedError(*faults)
    return tuple(cast("Sequence[Offer[Any]]", offered))


def _ask_for_phase_options(title: str, implementation: pluggy.HookImpl | None) -> Mapping[str, Any]:
    if implementation is None:
        return {}
    schema = _call_hook(title, "ipfo_phase_options", implementation)
    faults = list(vetting.schema_faults("ipfo_phase_options", schema))
    if faults:
        raise _RefusedError(*(f"{title}: {fault}" for fault in faults))
    return cast("Mapping[str, Any]", schema)


def _call_hook(title: str, hook: str, implementation: pluggy.HookImpl) -> object:
    try:
        return implementation.function()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise _RefusedError(f"{title}: {hook} raised {vetting.one_line(error)}") from error


def _title(entry_point: EntryPoint) -> str:
    return f'plugin "{entry_point.name}" ({_distribution(entry_point)} {_version(entry_point)})'


def _distribution(entry_point: EntryPoint) -> str:
    assert entry_point.dist is not None  # set by whatever found it
    return entry_point.dist.name


def _version(entry_point: EntryPoint) -> str:
    assert entry_point.dist is not None
    return entry_point.dist.version
