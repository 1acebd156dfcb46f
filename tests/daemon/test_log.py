"""The log never holds up the engine, whoever reads it or does not."""

import os
import select

from ipfo.daemon.log import WAITING_MAX, Log


def test_lines_are_written_under_a_name_and_stay_lines() -> None:
    reading, writing = os.pipe()
    log = Log("ipfo[www/alpha]", writing)
    log.line("web: standby -> claimant\nand\tno second line")
    log.close()
    assert os.read(reading, 4096) == (
        b"ipfo[www/alpha]: web: standby -> claimant and no second line\n"
    )
    os.close(reading)
    os.close(writing)


def test_p6_a_full_pipe_drops_lines_and_says_how_many() -> None:
    """P6: nothing delays a heartbeat: no log, hanging. Put a direct write here and it hangs."""
    reading, writing = os.pipe()
    log = Log("ipfo", writing)
    for _ in range(WAITING_MAX * 10):
        log.line("x" * 400)
    assert log.dropped > 0
    told = b""
    while b"lines were dropped here" not in told and select.select([reading], [], [], 5)[0]:
        told += os.read(reading, 1 << 16)
        log.line("more")
    assert b"lines were dropped here" in told
    os.set_blocking(reading, False)
    log.close()
    os.close(reading)


def test_a_reader_that_went_away_is_no_fault() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    log = Log("ipfo", writing)
    log.line("nobody hears it")
    log.close()
    assert log.dropped == 1
    os.close(writing)
