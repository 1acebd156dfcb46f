"""What ``ipfo check --host`` looks at on this machine. Nothing is changed, no address is touched.

Where a plugin does the work it is asked itself: a transport opens its socket and closes it again,
a provider looks for the address; checks, witnesses and the fence say what they lack here (see
host_plugins). So what is checked is what the daemon will do.
"""

import errno
import grp
import os
import socket
import stat
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from ipfo.cli import host_plugins
from ipfo.cli.finding import Finding
from ipfo.config.model import Config, GroupConfig, LinkConfig
from ipfo.daemon.rights import missing_rights
from ipfo.plugin.contracts import LinkEnd
from ipfo.plugin.registry import Registry
from ipfo.plugin.vetting import one_line

PORT_OF_IPFO_TAKEN = "if the daemon of this pair runs here, that is as it should be"
MAIL_TIMEOUT_S = 3.0
MAIL_PORTS = {"none": 25, "starttls": 587, "tls": 465}
WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def checks(config: Config, state_dir: Path) -> Iterator[Finding]:
    """Everything, in the order in which the daemon would need it."""
    registry = Registry(config.entry_points("transport", "provider", *host_plugins.KINDS))
    return chain(
        _interfaces(config),
        _rights(config),
        *(_link(config, link, registry) for link in config.links.values()),
        *(_group(group, registry) for group in config.groups.values()),
        *(_scripts(group) for group in config.groups.values()),
        host_plugins.findings(config, registry),
        _filters(config),
        _state(state_dir),
        _control_group(config),
        _mail(config),
    )


def _interfaces(config: Config) -> Iterator[Finding]:
    parts: list[LinkConfig | GroupConfig] = [*config.links.values(), *config.groups.values()]
    named = dict.fromkeys(
        part.interfaces[config.node] for part in parts if config.node in part.interfaces
    )
    for name in named:
        try:
            socket.if_nametoindex(name)
        except OSError:
            there = ", ".join(each for _, each in socket.if_nameindex())
            yield Finding("no", f"interface {name} is not on this host, which has {there}")
        else:
            yield Finding("ok", f"interface {name} is here")


def _rights(config: Config) -> Iterator[Finding]:
    if not any("wire" in group.traits for group in config.groups.values()):
        return
    missing = missing_rights()
    if missing:
        words = " and ".join(missing)
        yield Finding("no", f"this user lacks {words}: run as root, or give them to the service")
    else:
        yield Finding("ok", "this user may change addresses and ask the wire")


def _link(config: Config, link: LinkConfig, registry: Registry) -> Iterator[Finding]:
    """Open the link as the daemon would, and close it."""
    homes = {
        address.ip
        for group in config.groups.values()
        if group.home == config.node
        for address in group.addresses
    }
    end = LinkEnd(
        name=link.name,
        local=link.addresses[config.node],
        remote=link.addresses[config.peer],
        port=link.port,
        interface=link.interfaces.get(config.node),
        may_be_absent=link.addresses[config.node] in homes,
    )
    where = f"link {link.name}: {end.local} port {end.port}"
    try:
        registry.transports()[link.transport].build(end, link.options).close()
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno == errno.EADDRINUSE:
            yield Finding("note", f"{where} is taken; {PORT_OF_IPFO_TAKEN}")
        else:
            yield Finding("no", f"{where} cannot be opened: {reason}")
    except ValueError as error:
        yield Finding("no", f"{where}: {error}")
    else:
        yield Finding("ok", f"{where} can be opened")


def _group(group: GroupConfig, registry: Registry) -> Iterator[Finding]:
    """Let the provider look for the addresses: its tools must be here for that."""
    try:
        provider = registry.providers()[group.provider].build(group.provider_options)
        found = {address: provider.find(address) for address in group.addresses}
    except Exception as error:  # a stranger's plugin may raise anything
        yield Finding(
            "no", f"group {group.name}: provider {group.provider} fails: {one_line(error)}"
        )
        return
    for address, here in found.items():
        place = "not on this host now" if here is None else f"on {here.interface} now"
        yield Finding("ok", f"group {group.name}: {address} is {place}")


def _scripts(group: GroupConfig) -> Iterator[Finding]:
    options = group.hooks.get("scripts")
    if options is None:
        return
    folder = Path(options["folder"])
    if not folder.is_dir():
        yield Finding(
            "no", f"group {group.name}: the folder of scripts {folder} is missing; make it"
        )
        return
    wrong = list(_unsafe(folder))
    yield from wrong or [Finding("ok", f"group {group.name}: the scripts in {folder} are safe")]


def _unsafe(folder: Path) -> Iterator[Finding]:
    """What would not be run, because others may write to it, or because nobody may run it."""
    for path in (folder, *sorted(folder.rglob("*"))):
        status = path.stat() if path.exists() else None
        if status is None:
            yield Finding("note", f"{path} points nowhere")
        elif status.st_mode & WRITABLE_BY_OTHERS:
            yield Finding("no", f"{path} can be written by others; chmod go-w {path}")
        elif status.st_uid not in (0, os.geteuid()):
            yield Finding("no", f"{path} belongs to user {status.st_uid}; chown root {path}")
        elif stat.S_ISREG(status.st_mode) and not status.st_mode & stat.S_IXUSR:
            yield Finding("note", f"{path} is not executable, so it is not run")


def _filters(config: Config) -> Iterator[Finding]:
    """Strict reverse-path filters drop what comes in by another card than answers would go out."""
    settings = Path("/proc/sys/net/ipv4/conf")
    names = sorted({part.interfaces.get(config.node, "") for part in config.links.values()} - {""})
    if len(config.links) < 2 or not settings.is_dir():
        return
    for name in names or ["default"]:
        values = [
            int((settings / each / "rp_filter").read_text())
            for each in ("all", name)
            if (settings / each / "rp_filter").exists()
        ]
        if max(values, default=0) == 1:
            yield Finding(
                "note",
                f"net.ipv4.conf.{name}.rp_filter is strict: with two cards heartbeats may be"
                " dropped; 2 is loose and safe here",
            )


def _state(state_dir: Path) -> Iterator[Finding]:
    nearest = next(each for each in (state_dir, *state_dir.absolute().parents) if each.exists())
    if nearest.is_dir() and os.access(nearest, os.W_OK):
        yield Finding("ok", f"the state folder {state_dir} can be written")
    else:
        yield Finding("no", f"the state folder {state_dir} cannot be written; see --state-dir")


def _control_group(config: Config) -> Iterator[Finding]:
    if config.control_group is None:
        return
    try:
        grp.getgrnam(config.control_group)
    except KeyError:
        yield Finding("no", f"the group {config.control_group} of control_group does not exist")


def _mail(config: Config) -> Iterator[Finding]:
    """Whether the server of each notifier that has one takes a connection."""
    for notifier in config.notifiers:
        server = notifier.options.get("server")
        port = notifier.options.get("port", MAIL_PORTS.get(notifier.options.get("tls", "none")))
        if not isinstance(server, str) or not isinstance(port, int):
            continue
        where = f"notifier {notifier.plugin}: {server} port {port}"
        try:
            socket.create_connection((server, port), MAIL_TIMEOUT_S).close()
        except OSError as error:
            yield Finding("no", f"{where} does not answer: {error.strerror or error}")
        else:
            yield Finding("ok", f"{where} answers")
