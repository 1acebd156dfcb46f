"""What can happen to a node. Only the engine (and, later, the simulator) makes events.

An answer names its question by group and epoch, so that one which comes late is seen to be late.
"""

from dataclasses import dataclass

from ipfo.model import Answer, Epoch, Heartbeat, Instant, Phase


@dataclass(frozen=True, slots=True)
class HeartbeatHeard:
    """A heartbeat of the peer: its seal is right and it is no replay.

    `proven`: its boot has echoed a number of ours. An unproven one says nothing but that somebody
    is there, who wants an echo.
    """

    link: str
    heartbeat: Heartbeat
    proven: bool = True


@dataclass(frozen=True, slots=True)
class DeadlineReached:
    """The instant that `next_deadline` named has come, or has been overslept."""


@dataclass(frozen=True, slots=True)
class CarrierChanged:
    """An interface got or lost its carrier, or is not there any more."""

    interface: str
    up: bool


@dataclass(frozen=True, slots=True)
class PhaseEnded:
    """Answers the `RunPhase` of the same group, phase and epoch, exactly once, also on timeout.

    `veto` says why not to go on; `None`: go on. Only test and pre_acq can veto.
    """

    group: str
    phase: Phase
    epoch: Epoch
    veto: str | None = None


@dataclass(frozen=True, slots=True)
class Acquired:
    """Answers `Acquire`. `leased_from`: when the lease began, `None` where there is none."""

    group: str
    epoch: Epoch
    leased_from: Instant | None = None
    failed: str | None = None


@dataclass(frozen=True, slots=True)
class Released:
    """Answers `Release`. `failed`: the address may still be there."""

    group: str
    epoch: Epoch
    failed: str | None = None


@dataclass(frozen=True, slots=True)
class Swept:
    """Answers `Sweep`. `found`: the home address was here, and has been taken off."""

    group: str
    found: bool = False
    failed: str | None = None


@dataclass(frozen=True, slots=True)
class Renewed:
    """Answers `Renew`: the leases asked for began anew at `began`, but those of `failed`.

    `gone`: groups, not in `failed`, of which an address is not here any more: somebody else has
    taken it off.
    """

    began: Instant
    failed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Probed:
    """Answers `Probe` with the same `asked_at`: who answered for the group's addresses until `until`.

    `failed`: the wire could not be asked; then `answers` says nothing.
    """

    group: str
    asked_at: Instant
    answers: tuple[Answer, ...] = ()
    failed: str | None = None


@dataclass(frozen=True, slots=True)
class PeerProbed:
    """Answers `ProbePeer` with the same `asked_at`: whether any of the peer's own addresses answered.

    `failed`: no wire could be asked; then that says nothing.
    """

    asked_at: Instant
    answered: bool = False
    failed: str | None = None


@dataclass(frozen=True, slots=True)
class WitnessesAsked:
    """Answers `AskWitnesses` with the same `asked_at`: whether any of them was reached.

    `why`: what the last of them said, for people.
    """

    asked_at: Instant
    reached: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class Voted:
    """Answers `Vote` with the same `asked_at`.

    `granted`: groups that the voter keeps for this node; `denied`: the others, and why; `behind`:
    those of them that nobody has, but of which it has granted this higher epoch before. `failed`:
    the voter could not be asked; then it has said nothing.
    """

    asked_at: Instant
    granted: tuple[str, ...] = ()
    denied: tuple[tuple[str, str], ...] = ()
    failed: str | None = None
    behind: tuple[tuple[str, Epoch], ...] = ()


@dataclass(frozen=True, slots=True)
class Fenced:
    """Answers `Fence` with the same `asked_at`. `failed`: the peer may still be on."""

    asked_at: Instant
    failed: str | None = None


@dataclass(frozen=True, slots=True)
class HealthChanged:
    """The checks of `group` on this node turned: `ill` says what is wrong; None: all is well."""

    group: str
    ill: str | None


@dataclass(frozen=True, slots=True)
class HandoverAsked:
    """An administrator wants `group` on node `to`."""

    group: str
    to: str


@dataclass(frozen=True, slots=True)
class StandbyAsked:
    """An administrator wants this node to hold nothing until `ResumeAsked`."""


@dataclass(frozen=True, slots=True)
class MaintenanceAsked:
    """An administrator wants nothing to move by itself until `ResumeAsked`, on either node."""


@dataclass(frozen=True, slots=True)
class ResumeAsked:
    """This node may hold groups again, and what is frozen or under maintenance may move again."""


@dataclass(frozen=True, slots=True)
class RestartAsked:
    """The daemon is to be replaced by a new run of itself, which adopts what this one holds."""


@dataclass(frozen=True, slots=True)
class TermsChanged:
    """The config was read again: the terms of this step and of all after it are new ones.

    Of the same links and groups, and with the same timings: those the peer reckons with. `groups`:
    those for which something has changed.
    """

    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StopAsked:
    """The daemon is to end in order: hand over what can be handed over, release the rest."""


Event = (
    HeartbeatHeard
    | DeadlineReached
    | CarrierChanged
    | PhaseEnded
    | Acquired
    | Released
    | Swept
    | Renewed
    | Probed
    | PeerProbed
    | WitnessesAsked
    | Voted
    | Fenced
    | HealthChanged
    | HandoverAsked
    | StandbyAsked
    | MaintenanceAsked
    | ResumeAsked
    | RestartAsked
    | TermsChanged
    | StopAsked
)
