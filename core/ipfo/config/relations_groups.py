"""Relations of groups: whose the addresses are, where they go, and what else may have them.

Only in a home group may a service address be a link's address too, and only its home node's.
"""

from collections.abc import Iterator
from itertools import chain

from ipfo.config import durations
from ipfo.config.defaults import SCRIPTS
from ipfo.config.draft import Draft, Ip, Service
from ipfo.config.faults import Fault, show
from ipfo.config.relations_links import unknown_node
from ipfo.model import SECOND

WRONG_SCRIPTS = "/Library/Failover"
RIGHT_SCRIPTS = "/Library/IPFailover"
"""Apple's guide to high availability names the first; the original never looked there."""


def faults(draft: Draft) -> Iterator[Fault]:
    """What must not be in the groups."""
    for group in draft.names("groups"):
        yield from chain(
            _node_faults(draft, group),
            _interface_faults(draft, group),
            _address_faults(draft, group),
            _home_faults(draft, group),
            _time_faults(draft, group),
            _move_faults(draft, group),
            _script_faults(draft, group),
        )
    yield from _double_faults(draft)
    yield from _link_faults(draft)


def warnings(draft: Draft) -> Iterator[Fault]:
    """What had better not be in the groups."""
    for group in draft.names("groups"):
        here = ("groups", group)
        traits = draft.traits_of(group) or frozenset()
        if "wire" in traits and "lease" not in traits:
            yield Fault(
                (*here, "provider"),
                f"{show(draft.provider(group))} knows no leases: a killed or frozen daemon leaves"
                " its address where it is",
            )
        if draft.get(*here, "handover") == "seamless" and "wire" not in traits:
            yield Fault(
                (*here, "handover"),
                f"the provider {show(draft.provider(group))} uses no wire: nothing can be announced"
                " and looked for before the release, so no client gains by the overlap",
            )
        scripts = draft.get(*here, "scripts")
        if scripts is not None and scripts.rstrip("/") == WRONG_SCRIPTS:
            yield Fault(
                (*here, "scripts"),
                f"{show(scripts)} stands in an old guide by mistake; the original's folder is"
                f" {show(RIGHT_SCRIPTS)}",
            )


def _node_faults(draft: Draft, group: str) -> Iterator[Fault]:
    nodes, here = draft.nodes, ("groups", group)
    if nodes is None:
        return
    for key in ("preferred", "home"):
        name = draft.get(*here, key)
        if name is not None and name not in nodes:
            yield unknown_node((*here, key), name, nodes)
    table = draft.get(*here, "interface")
    for name in table if isinstance(table, dict) else ():
        if name not in nodes:
            yield unknown_node((*here, "interface", name), name, nodes)
    home, preferred = draft.home(group), draft.get(*here, "preferred")
    if home is not None and preferred in nodes and preferred != home:
        yield Fault(
            (*here, "preferred"),
            f"{show(preferred)} cannot be preferred where {show(home)} is at home; take it out",
        )


def _interface_faults(draft: Draft, group: str) -> Iterator[Fault]:
    nodes, path = draft.nodes, ("groups", group, "interface")
    if nodes is None or path in draft.bad or "wire" not in (draft.traits_of(group) or ()):
        return
    found = draft.interfaces("groups", group)
    missing = [node for node in nodes if node not in found and node != draft.home(group)]
    if missing and not found:
        yield Fault(
            path,
            f'is missing; the provider {show(draft.provider(group))} needs one, such as "eth0",'
            f' or {{ {missing[0]} = "eth0" }} where they differ',
        )
        return
    for node in missing:
        yield Fault((*path, node), f"is missing; name the interface of {node} too")


def _address_faults(draft: Draft, group: str) -> Iterator[Fault]:
    here = ("groups", group, "addresses")
    readable = dict(draft.service_addresses(group))
    for index in range(len(draft.get(*here) or ())):
        text = draft.get(*here, index)
        if text is None:
            continue
        if index not in readable:
            yield Fault((*here, index), f'{show(text)} is not an address such as "192.0.2.100/24"')
            continue
        service = readable[index]
        wrong = _unfit(service)
        if wrong:
            yield Fault((*here, index), f"{show(text)} is {wrong}; no host can hold it")
        elif service.ip.is_loopback and _is_for_others(draft, group):
            words = f"{show(text)} is a loopback address; no other host can reach it"
            yield Fault((*here, index), words)


def _is_for_others(draft: Draft, group: str) -> bool:
    return "wire" in (draft.traits_of(group) or ()) and draft.home(group) is None


def _unfit(service: Service) -> str:
    ip, network = service.ip, service.network
    if ip.is_unspecified:
        return "no address"
    if ip.is_multicast:
        return "a multicast address"
    if network.num_addresses > 2 and ip == network.broadcast_address and ip.version == 4:
        return f"the broadcast address of {network}"
    if network.num_addresses > 2 and ip == network.network_address and ip.version == 4:
        return f"the network {network} itself"
    return ""


def _double_faults(draft: Draft) -> Iterator[Fault]:
    taken: dict[Ip, str] = {}
    for group in draft.names("groups"):
        for index, service in draft.service_addresses(group):
            path = ("groups", group, "addresses", index)
            if service.ip not in taken:
                taken[service.ip] = group
            elif taken[service.ip] == group:
                yield Fault(path, f"{service.ip} stands here twice")
            else:
                yield Fault(path, f"{service.ip} is in group {taken[service.ip]} already")


def _link_faults(draft: Draft) -> Iterator[Fault]:
    for group in draft.names("groups"):
        services = list(draft.service_addresses(group))
        for link, node, address in draft.link_addresses():
            for index, service in services:
                if service.ip != address or draft.home(group) == node:
                    continue
                path = ("groups", group, "addresses", index)
                whose = f"{service.ip} is {node}'s own address on link {link}"
                if draft.get("groups", group, "home") is None:
                    yield Fault(
                        path,
                        f"{whose}; a service address moves, so take one that is no host's own, or"
                        f" say home = {show(node)}",
                    )
                else:
                    yield Fault(path, f"{whose}, and the group's home is another")


def _home_faults(draft: Draft, group: str) -> Iterator[Fault]:
    links = draft.names("links")
    if draft.home(group) is not None and links and draft.links_of_home(group) == set(links):
        yield Fault(
            ("groups", group, "home"),
            "each link uses an address of this group, so none is left while the other node has it;"
            " add a link with other addresses",
        )


def _time_faults(draft: Draft, group: str) -> Iterator[Fault]:
    again = draft.duration("groups", group, "announce_every")
    if again is not None and again < SECOND:
        text = show(draft.get("groups", group, "announce_every"))
        yield Fault(
            ("groups", group, "announce_every"),
            f'{text} is shorter than 1s; make it at least "1s"',
        )
    if draft.duration("groups", group, "phase_timeout") == 0:
        yield Fault(
            ("groups", group, "phase_timeout"),
            'nothing can be done in no time; make it more than "0s"',
        )


def _move_faults(draft: Draft, group: str) -> Iterator[Fault]:
    here = ("groups", group)
    if draft.get(*here, "handover") == "seamless" and draft.get(*here, "home") is not None:
        yield Fault(
            (*here, "handover"),
            'a home group is never on two hosts at once; say "strict", or take a floating address',
        )
    interval = draft.duration("pair", "interval")
    steady = draft.duration(*here, "failback_after")
    auto = draft.get(*here, "failback") == "auto"
    if auto and interval is not None and steady is not None and steady < interval:
        text = durations.text(interval)
        yield Fault(
            (*here, "failback_after"),
            f"{durations.text(steady)} is less than one interval ({text}): whether a node is"
            f' steadily well is not heard sooner; make it at least "{text}"',
        )
    yield from _breaker_faults(draft, group)


def _breaker_faults(draft: Draft, group: str) -> Iterator[Fault]:
    here = ("groups", group)
    moves, per = draft.value(*here, "max_moves"), draft.duration(*here, "per")
    takeover = draft.duration("pair", "takeover_after")
    silence = draft.duration("pair", "dead_after") or takeover
    if moves is None or per is None or silence is None or per > moves * silence:
        return
    only_moves = draft.get(*here, "max_moves") is not None and draft.get(*here, "per") is None
    least = durations.text(moves * silence)
    yield Fault(
        (*here, "max_moves" if only_moves else "per"),
        f"{moves} takeovers after {durations.text(silence)} of silence each take"
        f" {moves} * {durations.text(silence)} = {least}, so more of them within"
        f" {durations.text(per)} (per) are never seen; make per more than {least}, or max_moves less",
    )


def _script_faults(draft: Draft, group: str) -> Iterator[Fault]:
    here = ("groups", group, "hooks", SCRIPTS)
    if draft.get(*here) is not None and draft.get("groups", group, "scripts") is None:
        yield Fault(here, 'has no meaning without scripts = "FOLDER" in the group')
