"""For authors of plugins: suites that say whether a plugin keeps its contract."""

from ipfo.testing.checks import check_check
from ipfo.testing.fences import check_fence
from ipfo.testing.notifiers import check_notifier
from ipfo.testing.providers import check_provider
from ipfo.testing.transports import check_transport
from ipfo.testing.witnesses import check_voter, check_witness

__all__ = [
    "check_check",
    "check_fence",
    "check_notifier",
    "check_provider",
    "check_transport",
    "check_voter",
    "check_witness",
]
