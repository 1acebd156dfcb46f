"""What tests/fuzz found in the loader: values without end, and some that a terminal would obey."""

from pathlib import Path

import pytest

from ipfo.config.load import examine
from ipfo.config.syntax import NESTED_MAX

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


@pytest.mark.parametrize("odd", ["\u009b", "\u2028", "\u0085", "\u007f", "\U000e0001"])
@pytest.mark.parametrize(
    "text",
    [
        '"{odd}" = 1',
        'a."{odd}" = 9223372036854775808',
        '[pair]\nname = "{odd}"\ninterval = "{odd}"',
        '[groups."{odd}"]\ninterface = "{odd}"\naddresses = ["{odd}"]',
        '[[notifiers]]\nplugin = "{odd}"',
        'import_hostconfig = "{odd}"',
    ],
)
def test_what_a_fault_quotes_is_on_one_line_and_steers_no_terminal(
    tmp_path: Path, text: str, odd: str
) -> None:
    path = tmp_path / "pair.toml"
    escaped = f"\\U{ord(odd):08x}"
    path.write_text(text.replace("{odd}", escaped))
    faults = examine(path).faults
    assert all(fault.isprintable() for fault in faults)
    assert any(escaped in fault or escaped.replace("U0000", "u") in fault for fault in faults)
