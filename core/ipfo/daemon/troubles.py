"""What went wrong of late and still matters, for whoever asks ``ipfo status``. It decides nothing."""

from dataclasses import dataclass, field

from ipfo.model import Epoch, Instant


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that failed, when, and under which epoch; None: under whichever there was."""

    what: str
    why: str
    at: Instant
    epoch: Epoch | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """The last time that a third party was asked, and why that came to nothing; None: it did not."""

    at: Instant
    failed: str | None = None


@dataclass(frozen=True, slots=True)
class Reloaded:
    """How the last reload went, and when, by the wall's clock; `refused`: why not, in lines."""

    at: str
    refused: tuple[str, ...] = ()


@dataclass(slots=True)
class Troubles:
    """The last failure of each kind for each unit, and the last word of each third party."""

    of_units: dict[str, dict[str, Trouble]] = field(default_factory=dict)
    witnesses: Contact | None = None
    voter: Contact | None = None
    fence: Contact | None = None
    reloaded: Reloaded | None = None

    def note(self, unit: str, trouble: Trouble) -> None:
        """`trouble` came to `unit`; the one of its kind before it matters no longer."""
        self.of_units.setdefault(unit, {})[trouble.what] = trouble

    def since(self, unit: str, epoch: Epoch, began_at: Instant) -> list[Trouble]:
        """What failed for `unit` under `epoch`, or, where no epoch is known, since `began_at`."""
        return [
            trouble
            for trouble in self.of_units.get(unit, {}).values()
            if trouble.epoch == epoch or (trouble.epoch is None and trouble.at >= began_at)
        ]
