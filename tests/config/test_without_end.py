"""What tests/fuzz found in the loader: values without end, which Python's own readers do not bear."""

from pathlib import Path

import pytest

from ipfo.config.load import NESTED_MAX, examine

DEEP = f"nested more than {NESTED_MAX} deep"
LARGE = "a whole number has more than the 64 bits of TOML's"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("a = " + "[" * 5000, f": {DEEP}", id="lists that are not closed"),
        pytest.param(
            "\na = " + "[" * 200 + "]" * 200, f":2: a: {DEEP}", id="lists that tomllib bears"
        ),
        pytest.param(".".join(["a"] * 200) + " = 1", f":1: a: {DEEP}", id="a dotted key"),
        pytest.param("a = " + "9" * 5000, f": {LARGE}", id="digits that Python does not read"),
        pytest.param(
            "[pair]\nport = 0x" + "f" * 5000, f":2: pair.port: {LARGE}", id="digits that it reads"
        ),
        pytest.param(f"a = [0, {2**63}]", f":1: a[1]: {LARGE}", id="one bit too many"),
    ],
)
def test_a_value_without_end_is_one_line_and_no_traceback(
    tmp_path: Path, text: str, line: str
) -> None:
    path = tmp_path / "pair.toml"
    path.write_text(text)
    assert examine(path).faults == (f"{path}{line}",)


def test_the_largest_number_of_toml_is_only_a_number_that_does_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "pair.toml"
    path.write_text(f"a = [{2**63 - 1}, {-(2**63)}]")
    assert not any(LARGE in fault for fault in examine(path).faults)
