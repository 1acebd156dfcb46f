"""Old files of one host, and of two (what stands behind a zero byte is the other host's)."""

import tempfile
from pathlib import Path

from ipfo.plugin import Imported, ImportHelp
from ipfo_plugins.importer.hostconfig import Hostconfig

_FOLDER = tempfile.TemporaryDirectory(prefix="ipfo-fuzz-")
ONE = Path(_FOLDER.name) / "primary"
OTHER = Path(_FOLDER.name) / "secondary"

PRIMARY = 'FAILOVER_BCAST_IPS="192.0.2.255 198.51.100.2"\nFAILOVER_EMAIL_RECIPIENT=a@example.com\n'
SECONDARY = (
    "# old\r\nexport FAILOVER_PEER_IP='198.51.100.1'\rHOSTNAME=-AUTOMATIC-\n"
    'FAILOVER_PEER_IP_PAIRS="en0:192.0.2.1/24 en1:203.0.113.7"; # both\n'
)


def seeds() -> list[bytes]:
    """Both hosts' files, alone and as a pair."""
    both = f"{PRIMARY}\0{SECONDARY}"
    crossed = f"{PRIMARY}{SECONDARY}\0{SECONDARY}{PRIMARY}"
    return [each.encode() for each in (PRIMARY, SECONDARY, both, crossed)]


def feed(data: bytes) -> None:
    """What cannot be understood is one line that names the file; nothing else is raised."""
    first, _, second = data.partition(b"\0")
    ONE.write_bytes(first)
    OTHER.write_bytes(second)
    importer = Hostconfig()
    try:
        made = importer.read(ONE) if not second else importer.read_pair(ONE, OTHER, ImportHelp())
    except ValueError as error:
        words = str(error)
        assert words
        assert words.isprintable(), f"more than a line, or a terminal's codes: {words!r}"
        assert len(words) < 1000, "who reads that?"
    else:
        assert isinstance(made, Imported)
