"""Durations are exact: what people write is what ipfo waits for."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipfo.config import durations


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("10ms", 10_000_000),
        ("1s", 1_000_000_000),
        ("1.5s", 1_500_000_000),
        ("0.1s", 100_000_000),
        ("5min", 300_000_000_000),
        ("1h", 3_600_000_000_000),
        ("0s", 0),
        ("0.000000001s", 1),
    ],
)
def test_a_duration_is_read_in_ns(text: str, ns: int) -> None:
    assert durations.parse(text) == ns
    assert re.fullmatch(durations.PATTERN, text)


@pytest.mark.parametrize(
    "text",
    ["", "1", "1 s", "s", "-1s", "1m", "1sec", "1s ", "1s\n", "1234567s", "\u0661s", "1.s", ".5s"],
)
def test_anything_else_is_refused_with_what_would_be_right(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration: up to 6 digits and a unit"):
        durations.parse(text)
    assert not re.search(durations.PATTERN, text)


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0ms"),
        (1, "1ms"),
        (200 * 10**6, "200ms"),
        (10**9, "1s"),
        (1500 * 10**6, "1.5s"),
        (1234 * 10**6, "1234ms"),
        (90 * 10**9, "90s"),
        (120 * 10**9, "2min"),
        (3600 * 10**9, "1h"),
    ],
)
def test_a_duration_is_written_in_its_shortest_form(ns: int, text: str) -> None:
    assert durations.text(ns) == text


@given(st.integers(0, 999_999))
def test_what_is_written_is_read_back(ms: int) -> None:
    ns = ms * 10**6
    assert durations.parse(durations.text(ns)) == ns
