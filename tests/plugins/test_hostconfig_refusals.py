"""What the importer `hostconfig` quotes of a file that nobody could read."""

from pathlib import Path

import pytest

from ipfo_plugins.importer._facts import read


@pytest.mark.parametrize(
    "line",
    [
        'FAILOVER_BCAST_IPS=""x y\x1c\x85\u2028z',  # found by tests/fuzz
        'FAILOVER_BCAST_IPS="192.0.2.1\x1b[2J"',
        f"FAILOVER_PEER_IP=192.0.2.1\nFAILOVER_PEER_IP_PAIRS=\x1b[2J{'x' * 9000}",
    ],
)
def test_what_a_refusal_quotes_is_one_line_and_fit_for_a_terminal(
    tmp_path: Path, line: str
) -> None:
    path = tmp_path / "hostconfig"
    path.write_text(line)
    with pytest.raises(ValueError, match="FAILOVER_") as caught:
        read(path)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000
