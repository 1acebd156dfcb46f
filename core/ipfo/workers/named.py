"""Names for people for what the config lists without naming it; the same after each start."""

from collections.abc import Sequence


def numbered(plugins: Sequence[str]) -> list[str]:
    """A name for each: its plugin's, numbered where a plugin is used more than once."""
    seen: dict[str, int] = {}
    names = []
    for plugin in plugins:
        seen[plugin] = seen.get(plugin, 0) + 1
        names.append(plugin if seen[plugin] == 1 else f"{plugin} {seen[plugin]}")
    return names
