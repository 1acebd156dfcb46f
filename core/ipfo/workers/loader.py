"""Reads the config for the engine, in a process that ends at once: ``python -m ipfo.workers.loader``.

So jsonschema, and the plugins that only had to say what they offer, never live in the engine. One
JSON object goes to stdout, ``{"document": ...}`` or ``{"faults": [...], "exit_code": 2}``; what
plugins print while they are imported goes to stderr.
"""

import json
import os
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ipfo.config.load import load
from ipfo.errors import ConfigError


def main(arguments: Sequence[str]) -> int:
    """Load as the arguments say, print the object, and give the exit code."""
    parser = ArgumentParser(prog="python -m ipfo.workers.loader")
    parser.add_argument("config", type=Path)
    parser.add_argument("--node")
    given = parser.parse_args(arguments)
    answers_to = os.dup(1)
    os.dup2(2, 1)  # a plugin that prints must not break the answer
    try:
        answer: dict[str, object] = {"document": load(given.config, node=given.node)}
        code = 0
    except ConfigError as error:
        answer = {"faults": list(error.faults), "exit_code": error.exit_code}
        code = error.exit_code
    with suppress(BrokenPipeError), os.fdopen(answers_to, "w", encoding="utf-8") as out:
        json.dump(answer, out)  # whoever asked may have been ended meanwhile
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
