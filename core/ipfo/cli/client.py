"""The commands' side of the control socket: asks the daemon on this host, and waits with an end.

Blocking, with a deadline for everything. Requests and answers: docs/reference/cli.md.
"""

import json
import os
import socket
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ipfo import clock
from ipfo.errors import HostError, NoDaemonError, NotAllowedError, RefusedError
from ipfo.model import SECOND

ANSWER_S = 5.0
"""How long the daemon may take for an answer that it has at hand."""

LINE_MAX = 16 << 20
"""Bytes of one answer; the report of 1,000 groups has about 300,000."""


_UCRED = struct.Struct("3i")  # pid, uid, gid: see unix(7)


class Client:
    """One connection to the daemon whose state folder is `state_dir`."""

    def __init__(self, state_dir: Path) -> None:
        """Connected.

        :raises NoDaemonError: if nobody answers there.
        :raises NotAllowedError: if this user may not.
        """
        self._rest = b""
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._sock.settimeout(ANSWER_S)
        path = state_dir / "control.sock"
        try:
            self._sock.connect(os.fspath(path))
        except PermissionError as error:
            self._sock.close()
            raise NotAllowedError(
                f"{path}: not for this user: use sudo, or set control_group in [pair]"
            ) from error
        except OSError as error:
            self._sock.close()
            reason = error.strerror or str(error)
            raise NoDaemonError(
                f"{path}: no daemon answers ({reason}): start it with 'ipfo --config FILE'"
            ) from error

    def close(self) -> None:
        """Leave; what was asked for goes on without us."""
        self._sock.close()

    def process(self) -> int:
        """A pidfd of the daemon, readable when it has ended; an orderly restart does not end it.

        :raises OSError: if it cannot be watched from here, as from another container.
        """
        credentials = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
        return os.pidfd_open(_UCRED.unpack(credentials)[0])

    def status(self) -> dict[str, Any]:
        """The daemon's report."""
        self._send({"do": "status"})
        report = self._checked(self._next(ANSWER_S))["status"]
        assert isinstance(report, dict)
        return report

    def order(self, request: Mapping[str, Any], timeout_s: float) -> Iterator[dict[str, Any]]:
        """Ask for a move; yields each answer, the one with ``settled`` or ``restarting`` last.

        :raises RefusedError: if the daemon will not hear of it, or it is not settled in time.
        """
        self._send(request)
        deadline = clock.now() + int(timeout_s * SECOND)
        while True:
            left_s = (deadline - clock.now()) / SECOND
            if left_s <= 0:
                raise RefusedError(
                    f"not settled after {timeout_s:g} s; it may still be: see 'ipfo status'"
                )
            answer = self._next(left_s)
            if answer is None:
                continue
            yield self._checked(answer)
            if "settled" in answer or "restarting" in answer:
                return

    def _send(self, request: Mapping[str, Any]) -> None:
        try:
            self._sock.sendall(json.dumps(request).encode() + b"\n")
        except OSError as error:
            raise NoDaemonError(f"the daemon went away: {error}") from error

    def _checked(self, answer: Mapping[str, Any] | None) -> dict[str, Any]:
        if answer is None:
            raise NoDaemonError(f"the daemon did not answer within {ANSWER_S:g} s: is it frozen?")
        if "error" in answer:
            raise RefusedError(str(answer["error"]))
        return dict(answer)

    def _next(self, timeout_s: float) -> dict[str, Any] | None:
        """The next answer; None if none came in time."""
        self._sock.settimeout(max(timeout_s, 0.001))
        while b"\n" not in self._rest:
            try:
                portion = self._sock.recv(65536)
            except TimeoutError:
                return None
            except OSError:
                portion = b""
            if not portion:
                raise NoDaemonError("the daemon went away before it had answered")
            self._rest += portion
            if len(self._rest) > LINE_MAX:
                raise HostError("the daemon's answer has no end: is that an ipfo?")
        line, self._rest = self._rest.split(b"\n", 1)
        try:
            answer = json.loads(line)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise HostError("what answers there talks nonsense: is that an ipfo?")
        return answer
