"""Reads a pair's file: one document, or every fault at once, each with file, line and key.

The order: TOML, old files underneath, plugins, shape (jsonschema), relations, and only for a file
without faults warnings and the document. What cannot be judged because something else is wrong
is left out rather than guessed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ipfo.config import document, imported, relations, schema, syntax
from ipfo.config.choices import choices, entry_points, names_of
from ipfo.config.draft import Draft
from ipfo.config.faults import Fault, lines, of_schema, on_one_line, show
from ipfo.config.locate import KeyPath, Lines, local_nodes
from ipfo.config.model import Config, Document
from ipfo.config.relations_links import unknown_node
from ipfo.config.syntax import UnreadableError
from ipfo.errors import ConfigError, PluginError
from ipfo.plugin import by_node
from ipfo.plugin.contracts import Imported, Offer, Options
from ipfo.plugin.registry import Registry, entry_point_of, installed
from ipfo.plugin.vetting import VOTE, nearest, one_line
from ipfo.wire.names import Names


@dataclass(frozen=True, slots=True)
class Examined:
    """What there is to say of a file. `document` is None where there are faults.

    `node` is the one that the document is for, None where nothing tells which this host is; the
    document is then the first node's.
    """

    document: Document | None
    faults: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    node: str | None = None


def load(path: Path, *, node: str | None = None) -> Document:
    """The document of `path` for this host, or for `node`.

    :raises ConfigError: with all faults, a line each; also if this host is neither node.
    """
    examined = examine(path, node=node)
    if examined.document is None:
        raise ConfigError(*examined.faults)
    if examined.node is None:
        raise ConfigError(_whose(path, examined.document))
    return examined.document


def load_config(path: Path, node: str | None = None) -> Config:
    """The same as a `Config`."""
    return Config.from_document(load(path, node=node))


def examine(path: Path, *, node: str | None = None) -> Examined:
    """Everything that is wrong with `path`, or its document; raises nothing."""
    try:
        text = syntax.read(path)
        tables = syntax.parsed(text)
    except UnreadableError as error:
        return Examined(None, (f"{path}{on_one_line(str(error))}",))
    return _Reading(path, Lines(text), tables).examine(node)


def plugins_of(path: Path) -> tuple[str, ...]:
    """The entry points that `path` lists or chooses, whatever else may be wrong with it.

    :raises ConfigError: if it cannot be read as TOML.
    """
    try:
        tables = syntax.parsed(syntax.read(path))
    except UnreadableError as error:
        raise ConfigError(f"{path}{on_one_line(str(error))}") from error
    known = installed()
    named = entry_points(tables, known)
    return tuple(name for name in named if name in known or named[name][0] == "plugins")


class _Reading:
    """One file being examined."""

    def __init__(self, path: Path, places: Lines, tables: Mapping[str, Any]) -> None:
        self.path = path
        self.places = places
        self._take(tables)

    def _take(self, tables: Mapping[str, Any]) -> None:
        """Go on with `tables`; load what they name."""
        self.tables = tables
        known = installed()
        self.names = entry_points(tables, known)
        # in the order of the list; what is chosen by a name that is no entry point may be offered
        # by one that is listed
        listed = [name for name, place in self.names.items() if place[0] == "plugins"]
        direct = [name for name in self.names if name in known]
        self.registry = Registry([*listed, *direct], keep_going=True)

    def examine(self, node: str | None) -> Examined:
        remarks: tuple[str, ...] = ()
        found: list[Fault] = []
        old = imported.read(self.tables, self.path.parent, self.registry)
        if isinstance(old, Fault):
            found.append(old)
        elif isinstance(old, Imported):
            remarks = old.remarks
            self._take(imported.underneath(self.tables, old.tables))
        found += self._plugin_faults()
        try:
            found += self._shape_faults()
        except PluginError as error:  # without a schema nothing has a known shape
            found += [Fault(("plugins",), fault) for fault in error.faults]
            return Examined(None, tuple(lines(self.path, self.places, found)))
        draft = self._draft(found)
        found += relations.faults(draft)
        found += self._node_faults(draft, node)
        if not found:
            found += self._hook_faults(draft)
        if found:
            return Examined(None, tuple(lines(self.path, self.places, found)))
        warned = [*relations.warnings(draft), *(Fault((imported.KEY,), each) for each in remarks)]
        warnings = tuple(lines(self.path, self.places, warned))
        here = node or node_here(draft)
        made = document.make(
            draft, self.registry, node=here or draft.tables["pair"]["nodes"][0], warnings=warnings
        )
        refused = lines(self.path, self.places, self._build_faults(made))
        if refused:
            return Examined(None, tuple(refused))
        return Examined(made, warnings=warnings, node=here)

    def _build_faults(self, made: Document) -> Iterator[Fault]:
        """What only the plugins themselves can say of their options. Transports are not asked.

        They would open their sockets; for the others building is no more than looking.
        """
        for name, group in made["groups"].items():
            here: KeyPath = ("groups", name)
            table = {"plugin": group["provider"], "options": group["provider_options"]}
            yield from self._judged("provider", table, made, (*here, "options"))
            for index, check in enumerate(group["checks"]):
                yield from self._judged("check", check, made, (*here, "checks", index))
        for kind, key in (("notifier", "notifiers"), ("witness", "witnesses")):
            for index, table in enumerate(made[key]):
                yield from self._judged(kind, table, made, (key, index))
        if made["fence"] is not None:
            yield from self._judged("fence", made["fence"], made, ("fence",))
        try:
            Names.of(Config.from_document(made).terms(boot=1))
        except ValueError as error:
            yield Fault(("groups",), str(error))

    def _judged(
        self, kind: str, table: Mapping[str, Any], made: Document, path: KeyPath
    ) -> Iterator[Fault]:
        offer, options = self.registry.offers(kind)[table["plugin"]], table["options"]
        tables = list(by_node.tables(offer.schema, options)) if kind in by_node.KINDS else []
        first, second = made["nodes"]
        faults = list(_node_faults(tables, (first, second), path))
        if faults:
            yield from faults
        elif not tables or kind in by_node.OF_THE_OTHER:
            yield from _refusals(offer, options, path)
        else:  # what is wrong on the other node is said on this one, too
            for node in (first, second):
                yield from _refusals(offer, by_node.values(offer.schema, options, node), path)

    def _plugin_faults(self) -> Iterator[Fault]:
        for name, faults in self.registry.faults.items():
            for fault in faults:
                yield Fault(self.names.get(name, ("plugins",)), fault)

    def _shape_faults(self) -> Iterator[Fault]:
        from jsonschema import Draft202012Validator

        validator = Draft202012Validator(schema.compose(self.registry))
        for fault in of_schema(validator.iter_errors(self.tables)):
            yield from self._in_words_of_plugins(fault)

    def _in_words_of_plugins(self, fault: Fault) -> Iterator[Fault]:
        """A name that no plugin offers is told with those that are installed, and only once."""
        match fault.path:
            case ("groups", _, "hooks", plugin) if plugin in self.registry.faults:
                return  # why there is no such plugin is told already
        choice = next((each for each in choices(self.tables) if each.path == fault.path), None)
        if choice is None or not isinstance(choice.name, str):
            yield fault
            return
        kind, known = choice.kind, installed()
        meant = entry_point_of(kind, choice.name, known)
        if (meant or choice.name) in self.registry.faults:
            yield Fault(fault.path, "", of_value=True)  # why is told already
        elif meant is not None:
            yield Fault(fault.path, f"the plugin {show(meant)} offers no {kind}", of_value=True)
        else:
            hint = nearest(choice.name, names_of(kind, known))
            hint = hint or "; install one that does, and list it in plugins"
            words = f"no installed plugin offers the {kind} {show(choice.name)}{hint}"
            yield Fault(fault.path, words, of_value=True)

    def _draft(self, found: list[Fault]) -> Draft:
        bad = frozenset(fault.path for fault in found if fault.of_value)
        found[:] = [fault for fault in found if fault.words]
        providers = self.registry.providers()
        traits = {name: frozenset(offer.traits) for name, offer in providers.items()}
        witnesses = self.registry.witnesses()
        voters = frozenset(name for name, offer in witnesses.items() if VOTE in offer.traits)
        schemas = {
            (kind, name): offer.schema
            for kind in by_node.KINDS
            for name, offer in self.registry.offers(kind).items()
        }
        return Draft(self.path, self.tables, bad, traits, voters, schemas)

    def _node_faults(self, draft: Draft, node: str | None) -> Iterator[Fault]:
        if node is not None and draft.nodes is not None and node not in draft.nodes:
            both = " and ".join(draft.nodes)
            yield Fault(
                ("pair", "nodes"),
                f"--node {node}: the nodes are {both}{nearest(node, draft.nodes)}",
            )

    def _hook_faults(self, draft: Draft) -> Iterator[Fault]:
        """Options that a phase plugin needs in a group that has no table for it."""
        from jsonschema import Draft202012Validator

        for group in draft.names("groups"):
            for plugin in document.phase_plugins_of(draft, group, self.registry):
                options = document.hook_options(draft, group, plugin)
                validator = Draft202012Validator(dict(self.registry.phase_options(plugin)))
                for fault in of_schema(validator.iter_errors(options)):
                    path: KeyPath = ("groups", group, "hooks", plugin, *fault.path)
                    yield Fault(path, fault.words)


def _node_faults(
    tables: list[tuple[by_node.Path, Mapping[str, Any]]], nodes: tuple[str, str], path: KeyPath
) -> Iterator[Fault]:
    """What is wrong with these `tables` by node: each must have both `nodes`, and nobody else."""
    for place, table in tables:
        for name in table:
            if name not in nodes:
                yield unknown_node((*path, *place, name), name, nodes)
        for node in nodes:
            if node not in table:
                yield Fault((*path, *place), f"says nothing of {node}; both nodes read this file")


def _refusals(offer: Offer[Any], options: Options, path: KeyPath) -> Iterator[Fault]:
    """Why `offer` cannot be built from `options`; a text ``KEY: WORDS`` is put to its key."""
    try:
        offer.build(options)
    except ValueError as error:
        key, colon, words = str(error).partition(": ")
        if colon and key in offer.schema.get("properties", {}):
            yield Fault((*path, key), words)
        else:
            yield Fault(path, " ".join(str(error).split()))
    except Exception as error:  # a stranger's plugin may raise anything
        yield Fault(path, f'the plugin "{offer.name}" cannot be built: {one_line(error)}')


def node_here(draft: Draft) -> str | None:
    """The node that this host is, by its link addresses; None if it is neither, or could be both.

    An address that has its home in a group says nothing: the other node may have it now.
    """
    moving = {
        service.ip
        for group in draft.names("groups")
        if draft.home(group) is not None
        for _, service in draft.service_addresses(group)
    }
    here = local_nodes(
        (node, str(address)) for _, node, address in draft.link_addresses() if address not in moving
    )
    return here[0] if len(here) == 1 else None


def _whose(path: Path, made: Document) -> str:
    addresses = ", ".join(
        f"{address} ({node})"
        for link in made["links"].values()
        for node, address in link["addresses"].items()
    )
    first, second = made["nodes"]
    return (
        f"{path}: pair.nodes: which node is this host? Not exactly one of them has a link address"
        f" here: {addresses}; say --node {first} or --node {second}"
    )
