"""The suites for plugin authors: each breach of a contract is found, and said in a sentence."""

import os
from collections import deque
from collections.abc import Callable, Sequence

import pytest

from ipfo.plugin import Datagram, Notice, Transport, now
from ipfo.testing import check_notifier, check_transport


class Memory:
    """A transport within one process; its descriptor is readable while something is queued."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        self.queue: deque[tuple[bytes, int]] = deque()
        self.peer = self
        self.open = True

    def fileno(self) -> int:
        return self.reading

    def receive(self) -> Sequence[Datagram]:
        taken: list[Datagram] = []
        while self.open and self.queue and len(taken) < 64:
            os.read(self.reading, 1)
            body, _ = self.queue.popleft()
            taken.append(Datagram(body, now(), "memory"))
        return taken

    def send(self, body: bytes) -> bool:
        if not self.open or len(body) > 1400:
            return False
        if self.peer.open:
            self.peer.queue.append((body, 0))
            os.write(self.peer.writing, b"x")
        return True

    def close(self) -> None:
        if self.open:
            self.open = False
            os.close(self.reading)
            os.close(self.writing)


class Greedy(Memory):
    def receive(self) -> Sequence[Datagram]:
        first = super().receive()
        return [*first, *super().receive()] if first else first


class Backwards(Memory):
    def receive(self) -> Sequence[Datagram]:
        return list(reversed(super().receive()))


class Cutting(Memory):
    def send(self, body: bytes) -> bool:
        return super().send(body[:1000])


class Silent(Memory):
    def send(self, body: bytes) -> bool | None:  # type: ignore[override]  # that is the breach
        super().send(body)
        return None


class Anonymous(Memory):
    def receive(self) -> Sequence[Datagram]:
        return [Datagram(d.body, d.at, "") for d in super().receive()]


class Dated(Memory):
    def receive(self) -> Sequence[Datagram]:
        return [Datagram(d.body, type(d.at)(0), d.source) for d in super().receive()]


class Talking(Memory):
    def receive(self) -> Sequence[Datagram]:
        return super().receive() or [Datagram(b"out of nothing", now(), "memory")]


class Stubborn(Memory):
    def send(self, body: bytes) -> bool:
        return super().send(body) or not self.open


def pair_of(kind: type[Memory]) -> Callable[[], tuple[Transport, Transport]]:
    def make() -> tuple[Transport, Transport]:
        one, other = kind(), kind()
        one.peer, other.peer = other, one
        return one, other

    return make


def test_a_transport_in_memory_passes() -> None:
    check_transport(pair_of(Memory))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Greedy, "64 are the most"),
        (Backwards, "oldest first"),
        (Cutting, "1400 bytes went there"),
        (Silent, "returned None, not True"),
        (Anonymous, "must say from where"),
        (Dated, r"must be an instant of ipfo.plugin.now\(\)"),
        (Talking, "a silent link must be empty"),
        (Stubborn, "on a closed transport must be False"),
    ],
)
def test_what_breaks_the_contract_of_a_transport_is_said(kind: type[Memory], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_transport(pair_of(kind))


class Letterbox:
    """A notifier whose other end is a list."""

    def __init__(self, texts: list[str]) -> None:
        self.texts = texts

    def write(self, notice: Notice) -> str:
        reason = notice.reason.value if notice.reason else ""
        subject = " ".join(notice.headline.split())
        return f"Subject: {subject}\n\n{notice.node} {notice.group} {reason}\n{notice.detail}"

    def notify(self, notice: Notice) -> None:
        self.texts.append(self.write(notice))


class Lazy(Letterbox):
    def notify(self, notice: Notice) -> None:
        pass


class Doubled(Letterbox):
    def notify(self, notice: Notice) -> None:
        super().notify(notice)
        if notice.event.value == "split":
            super().notify(notice)


class Stacked(Letterbox):
    def notify(self, notice: Notice) -> None:
        if notice.headline.startswith("number"):
            at = next((n for n, t in enumerate(self.texts) if "number" in t), len(self.texts))
            self.texts.insert(at, self.write(notice))
        else:
            super().notify(notice)


class Curt(Letterbox):
    def write(self, notice: Notice) -> str:
        return f"{' '.join(notice.headline.split())} {notice.node}"


class Injectable(Letterbox):
    def write(self, notice: Notice) -> str:
        return super().write(notice).replace(" Bcc:", "\nBcc:")


class Ascii(Letterbox):
    def write(self, notice: Notice) -> str:
        return super().write(notice).encode("ascii", "replace").decode()


class Dotted(Letterbox):
    def write(self, notice: Notice) -> str:
        return super().write(notice).partition("\n.\n")[0]


def test_a_notifier_that_drops_letters_into_a_list_passes() -> None:
    texts: list[str] = []
    check_notifier(lambda: Letterbox(texts), lambda: texts)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Lazy, "has not arrived: raise instead"),
        (Doubled, r"one notice \(split\) became 2 messages"),
        (Stacked, "five notices in order arrived as"),
        (Curt, "does not say 'no heartbeat"),
        (Injectable, "made a header"),
        (Ascii, "beyond ASCII"),
        (Dotted, "a dot alone"),
    ],
)
def test_what_breaks_the_contract_of_a_notifier_is_said(kind: type[Letterbox], said: str) -> None:
    texts: list[str] = []
    with pytest.raises(AssertionError, match=said):
        check_notifier(lambda: kind(texts), lambda: texts)
