"""A worker that does what it is told, and so does all that a worker must not."""

import os
import resource
import signal
import subprocess
import sys
import threading
from typing import Any

from ipfo.workers.child import Door, serve

door = Door.inherited()
Asked = dict[str, Any]


def setup(given: Asked) -> Asked:
    if "die" in given:
        os._exit(3)
    if "raise" in given:
        raise ValueError(given["raise"])
    return {}


def echo(given: Asked) -> Asked:
    return {**given, "pid": os.getpid()}


def spin(_: Asked) -> Asked:
    door.say("begun")
    while True:
        pass


def stop(_: Asked) -> Asked:
    os.kill(os.getpid(), signal.SIGSTOP)
    return {}


def die(_: Asked) -> Asked:
    os._exit(1)


def leave(_: Asked) -> Asked:
    raise SystemExit("as strangers do")


def close(_: Asked) -> Asked:
    os.close(door.fileno())
    signal.pause()
    return {}


def flood(_: Asked) -> Asked:
    while True:
        door.say("x" * 60_000)


def talk(given: Asked) -> Asked:
    for n in range(given["lines"]):
        door.say(str(n))
    return given


def tell(given: Asked) -> Asked:
    """Told as fast as can be, so all of it within one second of any clock that a test may have."""
    line = b'{"health":["web",null]}\n'
    rest = memoryview(line * given["lines"])
    while rest:
        rest = rest[os.write(door.fileno(), rest) :]
    return given


def endless(_: Asked) -> Asked:
    while True:
        os.write(door.fileno(), b"x" * 65536)


def nonsense(given: Asked) -> Asked:
    os.write(door.fileno(), given["line"].encode() + b"\n")
    signal.pause()
    return {}


def loud(_: Asked) -> Asked:
    print('{"id": 1, "ok": {"forged": true}}', flush=True)  # noqa: T201 - the fault under test
    os.write(1, b"not json\n")
    return {"quiet": True}


def chatter(given: Asked) -> Asked:
    for n in range(given["lines"]):
        print(f"{n} {'x' * 1000}", file=sys.stderr)  # noqa: T201 - the fault under test
    return {}


def offspring(_: Asked) -> Asked:
    """A child in the worker's own group that would live for ever; then hang."""
    child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    door.say(str(child.pid))
    signal.pause()
    return {}


def orphan(_: Asked) -> Asked:
    """Die, and leave a child that has all that this process had."""
    if os.fork() == 0:
        signal.pause()
    os._exit(1)


def limits(_: Asked) -> Asked:
    return {
        "nice": os.getpriority(os.PRIO_PROCESS, 0),
        "memory": resource.getrlimit(resource.RLIMIT_DATA)[0],
        "real time": os.sched_getscheduler(0) in (os.SCHED_FIFO, os.SCHED_RR),
    }


leaked: list[bytearray] = []


def leak(given: Asked) -> Asked:
    """Until there is no more, or so many MiB."""
    leaked.extend(bytearray(1 << 20) for _ in range(given["most"]))
    return {"leaked": len(leaked)}


def burst(_: Asked) -> Asked:
    """Too much at once; none of it is left."""
    bytearray(1 << 30)
    return {}


def threads(given: Asked) -> Asked:
    """So many at the same time."""
    here = threading.Barrier(given["threads"])
    running = [threading.Thread(target=here.wait) for _ in range(given["threads"])]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return {}


def unjson(_: Asked) -> Asked:
    return {"set": {1, 2}}


def long(_: Asked) -> Asked:
    return {"long": "x" * (2 << 20)}


def at_end() -> None:
    if len(sys.argv) > 2:
        os.write(int(sys.argv[1]), b"ended")


HANDLERS = {
    f.__name__: f
    for f in (
        setup,
        echo,
        spin,
        stop,
        die,
        leave,
        close,
        flood,
        chatter,
        orphan,
        limits,
        leak,
        burst,
        threads,
        talk,
        tell,
        endless,
        nonsense,
        loud,
        offspring,
        unjson,
        long,
    )
}

if __name__ == "__main__":
    serve(HANDLERS, at_end, door)
