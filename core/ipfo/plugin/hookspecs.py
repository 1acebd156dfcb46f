"""The hooks of ipfo. This file is the plugin API; docs/reference/hooks.md is made from it.

Two idioms. A plugin *offers* things that the config chooses by name: the hook returns `Offer`s.
Or it takes part in *phases*: each plugin that the config lists is called in that order. A hook may
gain arguments but never loses them; an implementation takes those that it names.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pluggy

from ipfo.model import Move
from ipfo.plugin.contracts import (
    Check,
    Fence,
    Importer,
    Notifier,
    Offer,
    Options,
    Provider,
    Say,
    Transport,
    Voter,
    Witness,
)

hookspec = pluggy.HookspecMarker("ipfo")


@hookspec
def ipfo_transports() -> Sequence[Offer[Transport]]:
    """Offer transports, chosen by ``transport`` in a ``[links.NAME]`` table.

    Called once in the engine and in each command that loads the config; must not block.
    ``build(end, options)`` opens the link's socket in the engine.
    """
    return ()


@hookspec
def ipfo_providers() -> Sequence[Offer[Provider]]:
    """Offer address providers, chosen by ``provider`` in a ``[groups.NAME]`` table.

    Called once in the `addresses` worker. ``build(options)`` is called once for each group.
    """
    return ()


@hookspec
def ipfo_notifiers() -> Sequence[Offer[Notifier]]:
    """Offer notifiers, chosen by ``plugin`` in a ``[[notifiers]]`` table.

    Called once in the `notices` worker. ``build(options)`` is called once for each table.
    """
    return ()


@hookspec
def ipfo_checks() -> Sequence[Offer[Check]]:
    """Offer health checks, chosen by ``plugin`` in a ``[[groups.NAME.checks]]`` table.

    Called once in the `checks` worker. ``build(options)`` is called once for each table.
    """
    return ()


@hookspec
def ipfo_witnesses() -> Sequence[Offer[Witness | Voter]]:
    """Offer witnesses, chosen by ``plugin`` in a ``[[witnesses]]`` table.

    Called once in the `witnesses` worker. ``build(options)`` is called once for each table.
    """
    return ()


@hookspec
def ipfo_fences() -> Sequence[Offer[Fence]]:
    """Offer fences, chosen by ``plugin`` in the ``[fence]`` table.

    Called once in the `fence` worker. ``build(options)`` is called once.
    """
    return ()


@hookspec
def ipfo_importers() -> Sequence[Offer[Importer]]:
    """Offer importers, chosen by ``ipfo import NAME``. ``build(options)`` gets no options."""
    return ()


@hookspec
def ipfo_phase_options() -> Mapping[str, Any]:
    """The JSON Schema of a phase plugin's options: its table is ``[groups.NAME.hooks.PLUGIN]``.

    Without this hook a plugin takes no options. Called when the config is loaded.
    """
    return {}


@hookspec
def ipfo_test(move: Move, options: Options, timeout_s: float, say: Say) -> None:
    """Say whether `move` may be made, before anything of it has begun.

    Called in a `phases` worker of its own, in config order, before each acquire and before each
    release that somebody asked for; not before one that is forced (a better claim, a lost carrier,
    the end of the daemon). Nothing has been changed and nothing has to be undone.

    :param move: the move about to be made; ``move.epoch`` is new with each claim.
    :param options: this plugin's ``[groups.NAME.hooks.PLUGIN]`` table; empty where there is none.
    :param timeout_s: seconds left of the group's ``phase_timeout``, always > 0. When they are over
        the worker is killed, and that counts as a veto.
    :param say: one line for the journal. One that begins with ``failed: `` is told to people, as a
        failure that changes nothing: for what went wrong without being a reason to refuse.
    :raises Veto: to refuse. Any other exception counts as a veto too. The plugins after this one
        are not called.
    """


@hookspec
def ipfo_pre_acq(move: Move, options: Options, timeout_s: float, say: Say) -> None:
    """Prepare to take the group, while the peer may still have it. Undone by ``ipfo_post_rel``.

    Called after ``ipfo_test``, once a claim; arguments, order and process as there, and like
    there the first refusal is the end. Undone is it for all plugins, so ``ipfo_post_rel`` may be
    called without this one before.

    :raises Veto: to refuse. Any other exception, and the timeout, count as a veto too, since a
        claim made half prepared is worse than one made late.
    """


@hookspec
def ipfo_post_acq(move: Move, options: Options, timeout_s: float, say: Say) -> None:
    """Begin to serve: the addresses are here and announced. Undone by ``ipfo_pre_rel``.

    Arguments, order and process as for ``ipfo_test``. What it raises is told to people and
    changes nothing: the others are still called.
    """


@hookspec
def ipfo_pre_rel(move: Move, options: Options, timeout_s: float, say: Say) -> None:
    """Stop serving. The addresses are still here when the release was asked for, else gone.

    Called in the reverse of the config's order, so that what was begun last is ended first;
    arguments and process as for ``ipfo_test``. What it raises is told to people and changes
    nothing: the others are still called.
    """


@hookspec
def ipfo_post_rel(move: Move, options: Options, timeout_s: float, say: Say) -> None:
    """Tidy up: the addresses are gone. Called for every claim whose ``ipfo_pre_acq`` had begun.

    Order, arguments and process as for ``ipfo_pre_rel``. What it raises is told to people and
    changes nothing. After a crash it is called by the next run, perhaps a second time.
    """


@hookspec
def ipfo_reassert(move: Move, options: Options, timeout_s: float, say: Say) -> None:
    """Tell outside systems again that the group is here: it never left, but they may think so.

    Called after another node had it, too, and has let go, so that DNS or a cloud's API follow the
    true holder. ``move`` is the one by which this node came to hold it. May be called any number
    of times; arguments, order and process as for ``ipfo_post_acq``, and what it raises likewise.
    """
