"""``import_hostconfig``: what an old file says, underneath what the TOML says itself.

The merge goes key by key down through the tables; a list is one value and is not merged.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ipfo.config.faults import Fault
from ipfo.plugin.contracts import Imported
from ipfo.plugin.registry import Registry

IMPORTER = "hostconfig"
KEY = "import_hostconfig"


def read(tables: Mapping[str, Any], folder: Path, registry: Registry) -> Imported | Fault | None:
    """What the file that `tables` name says; None where they name none, or no importer is there."""
    text = tables.get(KEY)
    offer = registry.importers().get(IMPORTER)
    if not isinstance(text, str) or offer is None:
        return None
    path = folder / text
    try:
        return offer.build({}).read(path)
    except OSError as error:
        return Fault((KEY,), f"{path} cannot be read: {error.strerror}")
    except ValueError as error:
        return Fault((KEY,), str(error))


def underneath(above: Mapping[str, Any], below: Mapping[str, Any]) -> dict[str, Any]:
    """`above`, and what only `below` says, with the node names that `above` gives."""
    wanted, named = _nodes(above), _nodes(below)
    if len(wanted) == len(named):
        below = _renamed(below, dict(zip(named, wanted, strict=True)))
    return _merged(above, below)


def _nodes(tables: Mapping[str, Any]) -> list[str]:
    pair = tables.get("pair")
    nodes = pair.get("nodes") if isinstance(pair, Mapping) else None
    return [each for each in nodes if isinstance(each, str)] if isinstance(nodes, list) else []


def _renamed(tables: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """`tables` with other node names, wherever a node is named: as a key or as a whole value."""
    return {names.get(key, key): _renamed_value(key, tables[key], names) for key in tables}


def _renamed_value(key: str, value: Any, names: Mapping[str, str]) -> Any:  # noqa: ANN401 - TOML's
    if isinstance(value, Mapping):
        return _renamed(value, names)
    if key in ("home", "preferred"):
        return names[value]
    return [names[each] for each in value] if key == "nodes" else value


def _merged(above: Mapping[str, Any], below: Mapping[str, Any]) -> dict[str, Any]:
    both = dict(below)
    for key, value in above.items():
        other = both.get(key)
        if isinstance(value, Mapping) and isinstance(other, Mapping):
            both[key] = _merged(value, other)
        else:
            both[key] = value
    return both
