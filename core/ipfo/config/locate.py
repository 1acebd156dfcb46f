"""Where things are: on which line of a file a key stands, and which node this host is.

tomllib tells no positions, so the text is walked once more, by a scanner that may assume that
tomllib has accepted it. It is used for messages only: a wrong line must never change a value.
"""

import socket
from collections.abc import Iterable
from ipaddress import ip_address

KeyPath = tuple[str | int, ...]
"""The keys and indices that lead to a value."""

_BLANK = " \t"
_ENDS_OF_VALUE = ",]}\n#"


class Lines:
    """Knows the line, counted from 1, on which each key path of a TOML text begins."""

    def __init__(self, text: str = "") -> None:
        self._lines: dict[KeyPath, int] = {}
        _Scanner(text.replace("\r\n", "\n"), self._lines).scan()

    def line(self, path: KeyPath) -> int | None:
        """The line of `path`, or of what it stands in; None for the file as a whole."""
        for length in range(len(path), 0, -1):
            if path[:length] in self._lines:
                return self._lines[path[:length]]
        return None


class _Scanner:
    def __init__(self, text: str, found: dict[KeyPath, int]) -> None:
        self.text = text
        self.at = 0
        self.found = found
        self.arrays: dict[KeyPath, int] = {}  # how many [[tables]] there were

    def scan(self) -> None:
        here: KeyPath = ()
        while self._skip(_BLANK + "\n"):
            if self.text.startswith("[[", self.at):
                here = self._header(2)
            elif self.text[self.at] == "[":
                here = self._header(1)
            else:
                self._pair(here)

    def _line(self) -> int:
        return self.text.count("\n", 0, self.at) + 1

    def _note(self, path: KeyPath, line: int) -> None:
        for length in range(1, len(path) + 1):
            self.found.setdefault(path[:length], line)

    def _skip(self, blanks: str) -> bool:
        """Go to the next character that matters; False at the end."""
        while self.at < len(self.text):
            if self.text[self.at] == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            elif self.text[self.at] in blanks:
                self.at += 1
            else:
                return True
        return False

    def _header(self, brackets: int) -> KeyPath:
        line = self._line()
        self.at += brackets
        written = self._keys("]")
        self.at += brackets
        path: KeyPath = ()
        for key in written[:-1]:
            path = (*path, key)
            if path in self.arrays:
                path = (*path, self.arrays[path] - 1)
        path = (*path, written[-1])
        if brackets == 2:
            self.arrays[path] = self.arrays.get(path, 0) + 1
            path = (*path, self.arrays[path] - 1)
        self._note(path, line)
        return path

    def _pair(self, here: KeyPath) -> None:
        line = self._line()
        path = (*here, *self._keys("="))
        self.at += 1
        self._note(path, line)
        self._value(path)

    def _keys(self, end: str) -> tuple[str, ...]:
        """A dotted key, up to `end`."""
        keys: list[str] = []
        while self._skip(_BLANK + ".") and self.text[self.at] != end:
            if self.text[self.at] in "\"'":
                keys.append(self._string())
                continue
            start = self.at
            while self.text[self.at] not in _BLANK + "." + end:
                self.at += 1
            keys.append(self.text[start : self.at])
        return tuple(keys)

    def _string(self) -> str:
        quote = self.text[self.at]
        mark = quote * 3 if self.text.startswith(quote * 3, self.at) else quote
        start = self.at + len(mark)
        self.at = start
        while not self.text.startswith(mark, self.at):
            self.at += 2 if quote == '"' and self.text[self.at] == "\\" else 1
        content = self.text[start : self.at]
        self.at += len(mark)
        while len(mark) == 3 and self.text.startswith(quote, self.at):
            self.at += 1  # a quote or two may belong to the text
        return content

    def _value(self, path: KeyPath) -> None:
        self._skip(_BLANK)
        match self.text[self.at]:
            case '"' | "'":
                self._string()
            case "[":
                self._items(path)
            case "{":
                self._table(path)
            case _:
                while self.at < len(self.text) and self.text[self.at] not in _ENDS_OF_VALUE:
                    self.at += 1

    def _items(self, path: KeyPath) -> None:
        self.at += 1
        index = 0
        while self._skip(_BLANK + "\n,") and self.text[self.at] != "]":
            self._note((*path, index), self._line())
            self._value((*path, index))
            index += 1
        self.at += 1

    def _table(self, path: KeyPath) -> None:
        self.at += 1
        while self._skip(_BLANK + "\n,") and self.text[self.at] != "}":
            self._pair(path)
        self.at += 1


def is_local(address: str) -> bool:
    """Whether `address` is on an interface of this host now: the kernel lets us bind to it."""
    family = socket.AF_INET if ip_address(address).version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            flags = socket.AI_NUMERICHOST | socket.AI_PASSIVE
            (*_, place), *_ = socket.getaddrinfo(address, 0, family, socket.SOCK_DGRAM, 0, flags)
            probe.bind(place)
    except OSError:
        return False
    return True


def local_nodes(addresses: Iterable[tuple[str, str]]) -> list[str]:
    """The nodes, of pairs of node and address, that have an address on this host."""
    return list(dict.fromkeys(node for node, address in addresses if is_local(address)))
