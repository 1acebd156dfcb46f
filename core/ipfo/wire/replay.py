"""Which heartbeats are new. A recorded one is worth nothing, whenever it is sent again.

Three ideas. A window for each link remembers which of the last `WINDOW` numbers of the peer's boot
were heard, so that a doubled datagram is found and a late one still passes (the idea of RFC 6479).
A boot is believed only when it has echoed a number of ours that it could not have known before. And
one boot follows another: what was believed before is over for good.

Whatever comes back other than `Verdict.PROVEN` has changed nothing here. Not for several threads.
"""

from collections import deque
from dataclasses import dataclass, field
from enum import Enum

from ipfo.model import Heartbeat

WINDOW = 256
"""Numbers: at ten heartbeats a second a datagram may be 25 s late and still be told from a replay."""

ECHO_MAX = 16
"""How many of our last numbers on a link prove a boot. More forgives a longer way, fewer leave
less time to a recorded echo; 16 intervals are far beyond any `takeover_after` that makes sense."""

RETIRED_MAX = 256
"""Boots of the peer that are known to be over. One that drops out at this end has echoed a number
of ours from 256 of the peer's starts ago, so that it cannot prove itself again."""

_ALL = (1 << WINDOW) - 1


class Verdict(Enum):
    """What a heartbeat is worth."""

    PROVEN = "proven"  # new, and of the boot that is believed
    UNPROVEN = "unproven"  # of a boot that has not shown yet that it lives now: it wants an echo
    REPLAYED = "replayed"  # heard before, too old to tell, or of a boot that is over


@dataclass(slots=True)
class Window:
    """Which of the last `WINDOW` numbers were heard: bit n of `seen` stands for `top` - n."""

    top: int
    seen: int = 1

    def is_new(self, number: int) -> bool:
        """Whether `number` was not heard, and is not too old to tell."""
        behind = self.top - number
        return behind < 0 or (behind < WINDOW and not self.seen >> behind & 1)

    def mark(self, number: int) -> None:
        """Remember that `number`, which is new, was heard."""
        ahead = number - self.top
        if ahead <= 0:
            self.seen |= 1 << -ahead
            return
        # A jump beyond the window leaves nothing of it; shifting by a peer's u64 would eat memory.
        self.seen = (self.seen << ahead & _ALL if ahead < WINDOW else 0) | 1
        self.top = number


@dataclass(slots=True)
class Windows:
    """What was heard of the peer during `own_boot`. Bounded, whatever comes in."""

    own_boot: int
    boot: int | None = None  # the one boot that is believed
    proven_at: int = 0  # its clock, when it was first believed
    windows: dict[str, Window] = field(default_factory=dict)  # of that boot, by link
    echoed: dict[str, int] = field(default_factory=dict)  # our highest number echoed, by link
    retired: deque[int] = field(default_factory=lambda: deque(maxlen=RETIRED_MAX))

    def accept(self, heartbeat: Heartbeat, sent: int) -> Verdict:
        """Judge `heartbeat`, whose seal was right, and remember it if it is proven.

        :param sent: the last sequence number that we sent on its link; 0 if none.
        """
        if heartbeat.boot in self.retired:
            return Verdict.REPLAYED
        if heartbeat.boot != self.boot:
            if not self._proves_boot(heartbeat, sent):
                return Verdict.UNPROVEN
            self._believe(heartbeat)
        window = self.windows.get(heartbeat.link)
        # What was sent before the boot was believed may have been here already, as unproven, on a
        # link that had no window yet. One sender has one clock, so this holds across links.
        if heartbeat.sent_at < self.proven_at:
            return Verdict.REPLAYED
        if window is None:
            self.windows[heartbeat.link] = Window(heartbeat.sequence)
        elif window.is_new(heartbeat.sequence):
            window.mark(heartbeat.sequence)
        else:
            return Verdict.REPLAYED
        self._note_echo(heartbeat, sent)
        return Verdict.PROVEN

    def _proves_boot(self, heartbeat: Heartbeat, sent: int) -> bool:
        """Whether a boot that is not the believed one has just heard us.

        Its echo must be newer than any that the believed boot has sent on this link: who held back
        the last words of a boot that never came to be believed could otherwise put them in after
        its successor's first, and so retire the one that lives.
        """
        echo = heartbeat.echo
        return (
            echo is not None
            and echo.boot == self.own_boot
            and sent - ECHO_MAX < echo.sequence <= sent
            and echo.sequence > self.echoed.get(heartbeat.link, -1)
        )

    def _believe(self, heartbeat: Heartbeat) -> None:
        if self.boot is not None:
            self.retired.append(self.boot)
        self.boot = heartbeat.boot
        self.proven_at = heartbeat.sent_at
        self.windows = {}

    def _note_echo(self, heartbeat: Heartbeat, sent: int) -> None:
        echo = heartbeat.echo
        if echo is not None and echo.boot == self.own_boot and echo.sequence <= sent:
            highest = self.echoed.get(heartbeat.link, -1)
            self.echoed[heartbeat.link] = max(highest, echo.sequence)
