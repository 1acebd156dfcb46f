"""The key files of a pair: one to send with, more to accept (P8: no stranger moves an address)."""

import json
from pathlib import Path

import pytest
from tests.config.conftest import GOOD, Write

from ipfo.config.keys import keyring, look_at
from ipfo.config.load import examine, load_config
from ipfo.errors import ConfigError
from ipfo.wire import Keyring
from ipfo.wire.seal import key_id

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
ROTATED = GOOD.replace('"www.key"', '"new.key"\naccept_keys = ["www.key"]')


def write_key(path: Path, key: bytes, mode: int = 0o600) -> None:
    path.write_bytes(key)
    path.chmod(mode)


def test_one_key_is_sent_with_and_all_are_accepted(write: Write, tmp_path: Path) -> None:
    write_key(tmp_path / "new.key", NEW)
    assert keyring(load_config(write(ROTATED), "alpha")) == Keyring.of(NEW, OLD)


def test_which_keys_are_meant_is_no_matter_of_agreement(write: Write, tmp_path: Path) -> None:
    """Nodes are reloaded one after the other: that is no drift."""
    before = load_config(write(), "alpha")
    write_key(tmp_path / "new.key", NEW)
    assert load_config(write(ROTATED), "alpha").digest == before.digest


def test_faults_of_all_key_files_are_told_at_once(write: Write, tmp_path: Path) -> None:
    """Each by file, line and key; of the content of a key, never a byte."""
    path = write(ROTATED, key=OLD, mode=0o644)
    write_key(tmp_path / "new.key", b"secret" * 5)
    faults = examine(path).faults
    assert len(faults) == 2
    assert "pair.key_file: " in faults[0]
    assert "has 30 bytes" in faults[0]
    assert "pair.accept_keys[0]: " in faults[1]
    assert "can be used by others" in faults[1]
    assert not any("secret" in fault for fault in faults)


def test_what_has_changed_since_the_check_is_told_for_all_files_too(
    write: Write, tmp_path: Path
) -> None:
    """Between the check and the start a key file may go."""
    write_key(tmp_path / "new.key", NEW)
    config = load_config(write(ROTATED), "alpha")
    (tmp_path / "new.key").unlink()
    (tmp_path / "www.key").write_bytes(b"short")
    with pytest.raises(ConfigError) as caught:
        keyring(config)
    assert len(caught.value.faults) == 2


def test_two_keys_of_one_id_are_a_fault(write: Write, tmp_path: Path) -> None:
    seen: dict[bytes, bytes] = {}
    number = 0
    while True:  # some 80,000 keys until two of them meet
        key = number.to_bytes(32)
        other = seen.setdefault(key_id(key), key)
        if other != key:
            break
        number += 1
    write_key(tmp_path / "new.key", key)
    (fault,) = examine(write(ROTATED, key=other)).faults
    assert "pair.accept_keys[0]: has the same id as new.key" in fault


def test_no_key_stands_in_the_document_or_in_what_is_shown_of_it(
    write: Write, tmp_path: Path
) -> None:
    write_key(tmp_path / "new.key", NEW)
    document = examine(write(ROTATED), node="alpha").document
    assert NEW.hex() not in json.dumps(document)
    assert str(NEW) not in repr(look_at(tmp_path / "new.key"))
