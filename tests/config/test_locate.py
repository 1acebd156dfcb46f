"""Each key's line is found, in whatever form TOML lets people write it."""

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipfo.config.locate import KeyPath, Lines, is_local, local_nodes

TEXT = '''\
# a comment with [brackets] = and "quotes
top = 1

[pair] # [not.this]
name = "a # b"
nodes = [
  "alpha", # one
  "beta",
]
text = """
[groups.fake]
key = 1 \\""" still
"""
raw = \'\'\'it's\'\'\'
when = 1979-05-27T07:32:00Z

[links.public]
addresses = { alpha = "192.0.2.1", "beta" = '192.0.2.2' }
"quoted key".dotted . more = true

[links."a b"]
port=1694

[[notifiers]]
plugin = "smtp"
to = ["a", ["b"]]
[notifiers.inner]
x = -1.5

[[notifiers]]
plugin = "webhook"
[[notifiers.deep]]
y = 1
[[notifiers.deep]]
y = 2
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 2),
        (("pair",), 4),
        (("pair", "name"), 5),
        (("pair", "nodes"), 6),
        (("pair", "nodes", 0), 7),
        (("pair", "nodes", 1), 8),
        (("pair", "text"), 10),
        (("pair", "raw"), 14),
        (("pair", "when"), 15),
        (("links",), 17),
        (("links", "public", "addresses"), 18),
        (("links", "public", "addresses", "beta"), 18),
        (("links", "public", "quoted key", "dotted", "more"), 19),
        (("links", "a b", "port"), 22),
        (("notifiers",), 24),
        (("notifiers", 0, "to", 1, 0), 26),
        (("notifiers", 0, "inner", "x"), 28),
        (("notifiers", 1), 30),
        (("notifiers", 1, "plugin"), 31),
        (("notifiers", 1, "deep", 1, "y"), 35),
        (("pair", "missing"), 4),
        (("links", "public", "addresses", "gamma"), 18),
        (("nothing",), None),
        ((), None),
    ],
)
def test_a_key_is_found_or_else_what_it_would_stand_in(path: KeyPath, line: int | None) -> None:
    tomllib.loads(TEXT)
    assert Lines(TEXT).line(path) == line


def test_line_ends_of_windows_count_once() -> None:
    assert Lines(TEXT.replace("\n", "\r\n")).line(("pair", "raw")) == 14


def paths(value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    yield path
    items: Any = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        items = enumerate(value)
    for key, part in items:
        yield from paths(part, (*path, key))


def test_no_path_of_the_parsed_text_is_without_its_own_line() -> None:
    found = Lines(TEXT)._lines
    for path in paths(tomllib.loads(TEXT)):
        assert path == () or path in found, path
    assert len(found) == len(list(paths(tomllib.loads(TEXT)))) - 1


VALUES = st.recursive(
    st.integers() | st.booleans() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=6), VALUES, max_size=5))
def test_every_path_of_any_file_is_found(tables: dict[str, Any]) -> None:
    import tomli_w

    text = tomli_w.dumps(tables)
    found = Lines(text)._lines
    wanted = {path for path in paths(tomllib.loads(text)) if path}
    # keys with escapes keep them here, which costs a message its line and nothing else
    if "\\" not in text:
        assert set(found) == wanted


def test_an_address_of_this_host_is_known_by_binding_to_it() -> None:
    assert is_local("127.0.0.1")
    assert not is_local("203.0.113.1")
    assert not is_local("2001:db8::1")


def test_nodes_are_told_by_their_addresses() -> None:
    assert local_nodes([("alpha", "203.0.113.1"), ("beta", "127.0.0.1")]) == ["beta"]
    assert local_nodes([("alpha", "127.0.0.1"), ("beta", "127.0.0.1")]) == ["alpha", "beta"]
    assert local_nodes([]) == []
