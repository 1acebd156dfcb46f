"""Runs the programs by which an operating system is told of addresses, and makes errors readable.

Never a shell: words go to the program as they are. The language is C's, since what is read is for
programs; a program that hangs is ended here, and the worker's deadline ends all of us.
"""

import errno
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from typing import Protocol

from ipfo.plugin import Instant, check_not_late

TIMEOUT_S = 10.0
"""No program used here takes a tenth of a second; the worker's own deadline is the one that counts."""

_MORE_PLACES = "/usr/sbin:/sbin:/usr/bin:/bin"

_ERRORS = {
    "Operation not permitted": errno.EPERM,
    "Permission denied": errno.EACCES,
    "Cannot find device": errno.ENODEV,
    "No such device": errno.ENODEV,
    "does not exist": errno.ENODEV,
    "Network is down": errno.ENETDOWN,
    "File exists": errno.EEXIST,
}


class Run(Protocol):
    """Runs one program; tests of other systems' words record them instead."""

    def __call__(
        self, argv: Sequence[str], *, given: str = "", good_until: Instant | None = None
    ) -> str:
        """What the program wrote; OSError with its own words if it fails, LateError if it is late."""


def program(name: str, package: str) -> str:
    """The path of `name`, looked for where administration programs lie too.

    :raises OSError: ENOENT with the Debian package that has it.
    """
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{_MORE_PLACES}")
    if path is None:
        msg = f"the program {name} is missing: install the package {package}"
        raise OSError(errno.ENOENT, msg)
    return path


def run(
    argv: Sequence[str],
    *,
    given: str = "",
    good_until: Instant | None = None,
    timeout_s: float = TIMEOUT_S,
) -> str:
    """Run `argv` with `given` on its standard input; what it wrote on standard output.

    With `good_until` the program does nothing before it is `given` something: the clock is asked
    when it runs already, since to start one is what takes time.

    :raises LateError: where `good_until` is past before anything is given.
    :raises OSError: with one line: the program and what it said.
    """
    name = argv[0].rpartition("/")[2]
    with subprocess.Popen(  # noqa: S603 - no shell, and the words are checked by who calls
        list(argv),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env={**os.environ, "LC_ALL": "C"},
    ) as process:
        try:
            check_not_late(good_until)
            out, err = process.communicate(given, timeout_s)
        except subprocess.TimeoutExpired as error:
            msg = f"{name} did not end within {timeout_s:g} s"
            raise OSError(errno.ETIMEDOUT, msg) from error
        finally:
            process.kill()  # does nothing to one that has ended
    if process.returncode != 0:
        said = " ".join((err or out).split())
        what = " ".join([name, *argv[1:]])
        raise OSError(number_of(said), f"{what}: {said or f'exit code {process.returncode}'}")
    return out


def number_of(said: str) -> int:
    """The error number that a program meant; EIO where its words are not known."""
    return next((number for words, number in _ERRORS.items() if words in said), errno.EIO)


def check_name(interface: str) -> str:
    """`interface` if it can be the name of one: it becomes a word of a command.

    :raises OSError: ENODEV for anything else.
    """
    if not re.fullmatch(r"[^\s/:-][^\s/:]{0,14}", interface):
        raise OSError(errno.ENODEV, f"{interface!r} cannot be the name of an interface")
    return interface
