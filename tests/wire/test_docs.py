"""docs/reference/wire.md says what the code does: it is read by those who write to the wire."""

import re
import struct
from pathlib import Path

import pytest

from ipfo.model import Health, Role, Sign
from ipfo.wire import DATAGRAM_MAX, ENTRIES_MAX, KEY_MIN, LINKS_MAX, Reason
from ipfo.wire.heartbeat import ENTRY_BYTES, ENTRY_FIELDS, FIELDS, ROLES
from ipfo.wire.names import ID_BYTES, PAIR_ID_BYTES
from ipfo.wire.replay import ECHO_MAX, WINDOW
from ipfo.wire.seal import SEAL_BYTES, VERSION

PAGE = (Path(__file__).parents[2] / "docs/reference/wire.md").read_text()


def table(first_column: str, number: int = 0) -> list[list[str]]:
    """The rows of the page's table that begins with `first_column`, the `number`th of those."""
    tables = [block for block in PAGE.split("\n\n") if block.startswith(f"| {first_column} |")]
    rows = tables[number].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def layout(fields: tuple[tuple[str, str], ...]) -> list[list[str]]:
    """Name, offset and size of each field, as the struct has them."""
    rows, before = [], "!"
    for name, code in fields:
        rows.append([name, str(struct.calcsize(before)), str(struct.calcsize("!" + code))])
        before += code
    return rows


@pytest.mark.parametrize(("number", "fields"), [(0, FIELDS), (1, ENTRY_FIELDS)])
def test_the_tables_have_the_offsets_and_sizes_of_the_code(
    number: int, fields: tuple[tuple[str, str], ...]
) -> None:
    assert [row[:3] for row in table("field", number)] == layout(fields)


def test_the_words_have_the_numbers_of_the_code() -> None:
    columns = list(zip(*table("number"), strict=True))
    roles = {number: role.value for role, number in ROLES.items()}
    healths = {health.value: health.name.lower() for health in Health}
    signs = {sign.value: sign.name.lower() for sign in Sign}
    assert set(ROLES) == set(Role)
    for column, words in zip(columns[1:], (roles, healths, signs), strict=True):
        numbers = [int(number) for number in columns[0]]
        assert dict(zip(numbers, column, strict=True)) == {n: words.get(n, "") for n in numbers}
        assert set(words) <= set(numbers)


def test_every_reason_is_explained_in_the_order_of_the_code() -> None:
    assert [row[0] for row in table("reason")] == [reason.value for reason in Reason]


@pytest.mark.parametrize(
    ("sentence", "number"),
    [
        (r"never longer than ([\d,]+) bytes", DATAGRAM_MAX),
        (r"This is version (\d+)", VERSION),
        (r"follow the header; at most (\d+)", LINKS_MAX),
        (r"follow those; at most (\d+)", ENTRIES_MAX),
        (r"in time, (\d+) bytes each", ID_BYTES),
        (r"turn it is, (\d+) bytes each", ENTRY_BYTES),
        (r"the seal, (\d+) bytes", SEAL_BYTES),
        (r"first (\d+) bytes are kept", SEAL_BYTES),
        (r"(\d+) bytes at the least", KEY_MIN),
        (r"ids have\s+(\d+) bytes", ID_BYTES),
        (r"`pair` id has (\d+)", PAIR_ID_BYTES),
        (r"last (\d+) sequence numbers", WINDOW),
        (r"one of the last (\d+) numbers", ECHO_MAX),
    ],
)
def test_the_numbers_in_the_text_are_those_of_the_code(sentence: str, number: int) -> None:
    assert [int(n.replace(",", "")) for n in re.findall(sentence, PAGE)] == [number]
