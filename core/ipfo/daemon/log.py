"""Lines for people on stderr, without the engine ever waiting for whoever reads them.

A thread writes, so a full pipe or a hanging disk holds up that thread and nothing else; what it
cannot take is dropped and counted. The journal keeps everything; this is for looking on.
"""

import os
import queue
import signal
import threading

WAITING_MAX = 500
"""Lines that wait for a reader; more are dropped."""

LAST_WORDS_S = 0.5
"""How long the end of the daemon waits for the last lines to be taken."""


class Log:
    """Writes lines to the descriptor `fd`. `line` may be called from any thread, and never waits."""

    def __init__(self, name: str, fd: int = 2) -> None:
        self._name = name
        self._fd = fd
        self._lines: queue.Queue[str | None] = queue.Queue(WAITING_MAX)
        self._dropped = 0
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """How many lines nobody took."""
        return self._dropped

    def line(self, text: str) -> None:
        """`text` is written soon, or dropped."""
        try:
            self._lines.put_nowait(f"{self._name}: {' '.join(text.split())}\n")
        except queue.Full:
            self._dropped += 1

    def close(self) -> None:
        """What was said is written, if somebody takes it soon."""
        try:
            self._lines.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(LAST_WORDS_S)

    def _write(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # they are for the engine
        told = 0
        while (line := self._lines.get()) is not None:
            if self._dropped > told:
                line = f"{self._name}: {self._dropped - told} lines were dropped here\n{line}"
                told = self._dropped
            try:
                os.write(self._fd, line.encode(errors="replace"))
            except OSError:
                self._dropped += 1  # nobody is there; the journal has it
