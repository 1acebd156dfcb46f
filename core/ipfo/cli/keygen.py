"""``ipfo keygen``: a key for the heartbeats' seal, never over one that is there."""

import os
import secrets
from pathlib import Path

import click

from ipfo.errors import HostError
from ipfo.wire.seal import key_id

KEY_BYTES = 32


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
def keygen(*, file: Path) -> None:
    """Write 32 random bytes to FILE, readable by you alone.

    Copy it to the other host by a way that nobody reads along, and name it in key_file.
    """
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise HostError(f"{file}: exists already; choose another name or remove it") from None
    except OSError as error:
        raise HostError(f"{file}: cannot be written: {error.strerror}") from error
    key = secrets.token_bytes(KEY_BYTES)
    with os.fdopen(descriptor, "wb") as out:
        out.write(key)
    shown = key_id(key).hex()
    click.echo(f"{file}: {KEY_BYTES} bytes, key {shown}; the same file belongs on both hosts")
