"""``ipfo demo``: a real pair on this machine, shown in twenty seconds.

As root on Linux two hosts and a client are network namespaces, and cables are pulled. Otherwise
two nodes talk on loopback, hold a pretended address, and one of them is killed. The first line
says which of the two is being shown.
"""

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click

from ipfo import clock
from ipfo.errors import HostError
from ipfo.model import SECOND


@click.command()
@click.option("--loopback", is_flag=True, help="Show the loopback pair even as root.")
def demo(*, loopback: bool) -> None:
    """Show a takeover and a handover on this machine, with real daemons.

    Takes about 20 s and leaves nothing behind, also after Ctrl-C. Exits 1 if a step did not come
    about.
    """
    with _ended_in_order(), tempfile.TemporaryDirectory(prefix="ipfo-demo-") as folder:
        try:
            if sys.platform == "linux" and os.geteuid() == 0 and not loopback:
                from ipfo.cli.demo_lab import show
            else:
                from ipfo.cli.demo_loopback import show
            show(Path(folder), Teller())
        except AssertionError as error:
            what, _, log = str(error).partition("\n")
            if log:
                click.echo(log, err=True)
            raise HostError(f"the demo stopped: {what}") from error


class Teller:
    """Tells what happens, a line each, with the seconds since the beginning in front."""

    def __init__(self) -> None:
        """The beginning is now."""
        self.began = clock.now()

    def __call__(self, text: str) -> None:
        """Tell `text`."""
        elapsed_s = (clock.now() - self.began) / SECOND
        click.echo(f"{click.style(f'{elapsed_s:5.1f} s', dim=True)}  {text}")


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """SIGTERM and SIGHUP end the demo as Ctrl-C does, so that it clears up."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise KeyboardInterrupt

    before = {
        number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
