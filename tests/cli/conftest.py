"""The commands are tested against real daemons, too."""

from tests.daemon.conftest import looped, make_looped

__all__ = ["looped", "make_looped"]
