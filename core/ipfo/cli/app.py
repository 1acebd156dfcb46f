"""What the common options say, and what commands make of it. Nothing heavy is imported here.

A command gets the one `App` by ``@click.pass_obj``.
"""

import json
import os
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipfo.errors import ConfigError, HostError, NotAllowedError

if TYPE_CHECKING:
    from ipfo.config.model import Config, Document

STATE_ROOT = Path("/var/lib/ipfo")
"""Where the state of pairs lies when nobody says otherwise, a folder each."""


@dataclass(frozen=True, slots=True)
class App:
    """The common options as they were given."""

    config: Path | None = None
    node: str | None = None
    state_dir: Path | None = None

    def load(self) -> "Config":
        """The checked config.

        :raises ConfigError: with every fault of the file, a line each.
        """
        from ipfo.config.load import load_config

        return load_config(self.config_path(), self.node)

    def begin_loading(self) -> "Loading":
        """The config is being loaded, without what that leaves in memory.

        A short-lived child reads and checks the file, so that neither jsonschema nor any plugin
        but those of the links is ever imported by the process that calls this.

        :raises ConfigError: if no file is named.
        :raises NotAllowedError: if this user may not start the interpreter that runs this.
        :raises HostError: if it cannot be started for another reason.
        """
        command = [sys.executable, "-P", "-m", "ipfo.workers.loader", str(self.config_path())]
        if self.node is not None:
            command += ["--node", self.node]
        try:
            child = subprocess.Popen(command, stdout=subprocess.PIPE)  # noqa: S603 - our own
        except PermissionError as error:
            why = f"this user may not start {sys.executable}: install ipfo where it may"
            raise NotAllowedError(why) from error
        except OSError as error:
            raise HostError(f"{sys.executable} cannot be started: {error.strerror}") from error
        return Loading(self.config_path(), child)

    def config_path(self) -> Path:
        """The file that ``--config`` or IPFO_CONFIG names.

        :raises ConfigError: if neither does.
        """
        if self.config is None:
            raise ConfigError("no config: say --config FILE before the command, or set IPFO_CONFIG")
        return self.config

    def state_dir_of(self, pair: str) -> Path:
        """Where the state of `pair` lies."""
        return self._given_state_dir() or STATE_ROOT / pair

    def quick_state_dir(self) -> Path:
        """The same, without loading the config: at the most its pair's name is looked up.

        :raises ConfigError: if the file cannot be read or names no pair.
        """
        given = self._given_state_dir()
        return given or self.state_dir_of(pair_name(self.config_path()))

    def _given_state_dir(self) -> Path | None:
        if self.state_dir is not None:
            return self.state_dir
        # systemd separates several by colons; the first is the unit's own.
        by_systemd = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
        return Path(by_systemd) if by_systemd else None


@dataclass(frozen=True, slots=True)
class Loading:
    """A child that reads and checks the file `path`."""

    path: Path
    child: "subprocess.Popen[bytes]"

    def document(self) -> "Document":
        """The checked config, when the child is done.

        :raises ConfigError: with every fault of the file, a line each.
        """
        output, _ = self.child.communicate()
        answer = _answer(output)
        if "document" in answer:
            document: Document = answer["document"]
            return document
        code = self.child.returncode
        faults = answer.get("faults") or [
            f"{self.path}: the config could not be read: its reader ended with {code}"
        ]
        raise ConfigError(*faults)


def pair_name(path: Path) -> str:
    """The pair's name as the file gives it, with nothing else of the file checked.

    :raises ConfigError: if the file cannot be read or names no pair.
    """
    try:
        with path.open("rb") as file:
            name = tomllib.load(file)["pair"]["name"]
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}; see 'ipfo check'") from error
    except (KeyError, TypeError) as error:
        raise ConfigError(f"{path}: [pair] has no name; see 'ipfo check'") from error
    if not isinstance(name, str) or not name or "/" in name or name.startswith("."):
        raise ConfigError(f"{path}: pair.name is not a name; see 'ipfo check'")
    return name


def _answer(output: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(output)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
