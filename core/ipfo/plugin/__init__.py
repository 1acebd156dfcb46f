"""All that a plugin imports of ipfo; nothing else of it is public."""

import pluggy

from ipfo.clock import now
from ipfo.model import Address, Answer, Epoch, Event, Instant, Move, Notice, Reason, Role
from ipfo.plugin.contracts import (
    Behind,
    Check,
    Claim,
    Datagram,
    Fence,
    Found,
    Imported,
    Importer,
    ImportHelp,
    LinkEnd,
    Notifier,
    Offer,
    Options,
    Provider,
    Say,
    Transport,
    Veto,
    Voter,
    Witness,
)
from ipfo.plugin.late import LateError, check_not_late

hookimpl = pluggy.HookimplMarker("ipfo")
"""Marks a function of a plugin as the implementation of the hook of the same name."""

__all__ = [
    "Address",
    "Answer",
    "Behind",
    "Check",
    "Claim",
    "Datagram",
    "Epoch",
    "Event",
    "Fence",
    "Found",
    "ImportHelp",
    "Imported",
    "Importer",
    "Instant",
    "LateError",
    "LinkEnd",
    "Move",
    "Notice",
    "Notifier",
    "Offer",
    "Options",
    "Provider",
    "Reason",
    "Role",
    "Say",
    "Transport",
    "Veto",
    "Voter",
    "Witness",
    "check_not_late",
    "hookimpl",
    "now",
]
