"""Whether this process may do what a real address needs: asked before anybody hears of the node."""

import os
from pathlib import Path

CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13}
"""To change addresses, and to ask the wire; by number, linux/capability.h."""


def missing_rights() -> list[str]:
    """What this process lacks of the rights to change addresses and to ask the wire."""
    status = Path("/proc/self/status")
    if not status.exists():  # not Linux: all or nothing
        return [] if os.geteuid() == 0 else ["the rights of root"]
    (effective,) = (
        int(line.split()[1], 16)
        for line in status.read_text().splitlines()
        if line.startswith("CapEff:")
    )
    return [name for name, bit in CAPABILITIES.items() if not effective >> bit & 1]
