"""Relations of checks: a run must be over before the next one begins.

How long a failure may last unnoticed (``fall`` times ``interval``) is the administrator's choice.
"""

from collections.abc import Iterator

from ipfo.config import durations
from ipfo.config.draft import Draft
from ipfo.config.faults import Fault
from ipfo.plugin import marks

INTERVAL_MIN_NS = 10 * durations.UNITS_NS["ms"]
"""What runs more often than that does nothing else."""


def faults(draft: Draft) -> Iterator[Fault]:
    """What must not be in the checks of any group."""
    for group in draft.names("groups"):
        for index in draft.listed("groups", group, "checks"):
            yield from _time_faults(draft, ("groups", group, "checks", index))
            yield from _start_faults(draft, ("groups", group, "checks", index))


def warnings(draft: Draft) -> Iterator[Fault]:
    """What had better not be in the checks of any group; for a draft without faults."""
    services = {
        service.ip: group
        for group in draft.names("groups")
        for _, service in draft.service_addresses(group)
    }
    for group in draft.names("groups"):
        for index in draft.listed("groups", group, "checks"):
            here = ("groups", group, "checks", index)
            if draft.value(*here, "when") != "always":
                continue
            for path, ip in marks.hosts(*draft.chosen("check", *here)):
                if ip in services:
                    yield Fault(
                        (*here, *path),
                        f"{ip} is a service address (group {services[ip]}), which the standby does"
                        " not have: there this asks the holder, and says nothing of the standby;"
                        " ask the service at an address of the host, such as 127.0.0.1, or say"
                        ' when = "holding"',
                    )


def _time_faults(draft: Draft, here: tuple[str | int, ...]) -> Iterator[Fault]:
    interval = draft.duration(*here, "interval")
    timeout = draft.duration(*here, "timeout")
    if timeout == 0:
        yield Fault((*here, "timeout"), 'nothing can be done in no time; make it more than "0s"')
    if interval is None:
        return
    text = durations.text(interval)
    if interval < INTERVAL_MIN_NS:
        least = durations.text(INTERVAL_MIN_NS)
        yield Fault(
            (*here, "interval"), f'"{text}" is shorter than {least}; make it at least "{least}"'
        )
    elif timeout is not None and timeout >= interval:
        key = "timeout" if draft.get(*here, "timeout") is not None else "interval"
        yield Fault(
            (*here, key),
            f"a run may take {durations.text(timeout)} (timeout), and the next begins {text} after"
            f" it began (interval); make the timeout less than {text}, or the interval more than"
            f" {durations.text(timeout)}",
        )


def _start_faults(draft: Draft, here: tuple[str | int, ...]) -> Iterator[Fault]:
    if draft.value(*here, "start") == "ill" and draft.value(*here, "when") == "holding":
        yield Fault(
            (*here, "start"),
            'with when = "holding" it does not run before the group is held, so it would be ill'
            ' with nobody looking; say start = "well", or when = "always"',
        )
