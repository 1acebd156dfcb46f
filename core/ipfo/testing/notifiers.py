"""`check_notifier`: does a notifier keep its contract? Run it in a test of yours.

It needs to see what arrived at the other end, so give it a real one: a server in the same process.
"""

from collections.abc import Callable, Sequence
from typing import Final

from ipfo.model import Epoch, Event, Notice, Reason, Role
from ipfo.plugin import Notifier

Received = Callable[[], Sequence[str]]
"""All that has arrived so far, oldest first, each message as one text: a mail with its headers and
body decoded, JSON as one line in which characters beyond ASCII stand as they are."""

_LONG: Final = 20_000


def check_notifier(make: Callable[[], Notifier], received: Received) -> None:
    """Run every check on notifiers from `make`; `received` says what arrived at the other end.

    :raises AssertionError: with a sentence that says which part of the contract was broken.
    """
    for check in (
        _delivers_before_it_returns,
        _tells_every_event,
        _keeps_the_order,
        _says_what_concerns_the_group,
        _takes_any_text,
        _takes_a_notice_twice,
    ):
        check(make(), received)


def _delivers_before_it_returns(notifier: Notifier, received: Received) -> None:
    (text,) = _told(notifier, received, _notice("first", headline="web went from alpha to beta"))
    for part in ("web went from alpha to beta", "alpha"):
        assert part in text, f"what arrived does not say {part!r}: {text[:500]!r}"


def _tells_every_event(notifier: Notifier, received: Received) -> None:
    for event in Event:
        headline = f"something of the kind {event.value}"
        texts = _told(notifier, received, _notice(event.value, event=event, headline=headline))
        assert len(texts) == 1, f"one notice ({event.value}) became {len(texts)} messages"
        assert headline in texts[0], f"the headline {headline!r} did not arrive: {texts[0][:500]!r}"


def _keeps_the_order(notifier: Notifier, received: Received) -> None:
    headlines = [f"number {number}" for number in range(1, 6)]
    before = len(received())
    for headline in headlines:
        notifier.notify(_notice(headline, headline=headline))
    texts = list(received())[before:]
    got = [next((h for h in headlines if h in text), None) for text in texts]
    assert got == headlines, f"five notices in order arrived as {got}"


def _says_what_concerns_the_group(notifier: Notifier, received: Received) -> None:
    notice = _notice("group", group="web", detail="no heartbeat on public or private for 3 s")
    (text,) = _told(notifier, received, notice)
    for part in ("web", "no heartbeat on public or private for 3 s", notice.reason.value):  # type: ignore[union-attr]  # set by _notice
        assert part in text, f"what arrived does not say {part!r}: {text[:800]!r}"


def _takes_any_text(notifier: Notifier, received: Received) -> None:
    odd = _notice(
        "odd",
        headline="Störung: 移動 “web” \r\nBcc: everybody@example.net",
        detail="a dot alone:\n.\nand the end\r\n" + "x" * _LONG,
        group=None,
    )
    before = len(received())
    notifier.notify(odd)
    texts = list(received())[before:]
    assert len(texts) == 1, f"one notice with line breaks became {len(texts)} messages"
    assert "Störung: 移動 “web”" in texts[0], "what is beyond ASCII did not arrive as it was"
    assert "and the end" in texts[0], "a line with a dot alone cut the message off"
    assert "\nBcc:" not in texts[0].partition("\n\n")[0], "a line break in a headline made a header"


def _takes_a_notice_twice(notifier: Notifier, received: Received) -> None:
    notice = _notice("twice", headline="told at least once")
    before = len(received())
    notifier.notify(notice)
    notifier.notify(notice)  # a daemon was killed before it had noted the first
    assert len(received()) > before, "a notice that came twice did not arrive at all"


def _told(notifier: Notifier, received: Received, notice: Notice) -> list[str]:
    before = len(received())
    notifier.notify(notice)
    texts = list(received())[before:]
    assert texts, f"notify() returned, and {notice.headline!r} has not arrived: raise instead"
    return texts


def _notice(
    key: str,
    *,
    event: Event = Event.TAKEOVER,
    headline: str = "web went from alpha to beta",
    detail: str = "",
    group: str | None = "web",
) -> Notice:
    return Notice(
        key=f"alpha-1-{key.replace(' ', '-')}",
        at="2026-01-01T12:00:00.000Z",
        event=event,
        pair="www",
        node="alpha",
        peer="beta",
        headline=headline,
        detail=detail,
        group=group,
        role=Role.HOLDER if group else None,
        epoch=Epoch(7),
        reason=Reason.TAKEOVER if group else None,
    )
