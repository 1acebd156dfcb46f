"""What can go wrong on our side, each with the exit code that the command ends with.

What the peer or the wire does wrong is a value and is counted, never raised; what cannot be is an
assertion. Each error's text is one line: what, where, and what to do.
"""


class IpfoError(Exception):
    """A fault that the user can mend; printed as one line, without a traceback."""

    exit_code = 1


class ConfigError(IpfoError):
    """The configuration or the command line is wrong; `faults` are all of them, a line each."""

    exit_code = 2

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class PluginError(ConfigError):
    """A plugin is missing, breaks its contract, or offers what another offers."""


class StoryError(ConfigError):
    """A story cannot be read: what is wrong, in which line."""


class HostError(IpfoError):
    """This machine cannot do it: an interface is missing, a port taken, a folder read-only."""


class NotAllowedError(IpfoError):
    """The operating system refuses: run as root, or with the capabilities that the docs list."""

    exit_code = 77


class NoDaemonError(IpfoError):
    """No daemon answers on the control socket."""

    exit_code = 69


class RefusedError(IpfoError):
    """The daemon answered no: a handover was refused or could not finish."""
