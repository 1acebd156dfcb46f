"""Each harness in a small way: its seeds, seeds that were damaged, any bytes, and what was found.

Issue 4: "Fuzzing. Wire decoder, hostconfig and TOML loaders, control protocol, ARP/ND parser:
hypothesis in CI, atheris in `make fuzz`".
"""

from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.fuzz import run

EXAMPLES = {"pair_file": 30, "hostconfig": 150, "control": 150}
"""These open files, sockets or plugins for each input; the others take many more in a second."""


@pytest.fixture(params=run.HARNESSES, scope="module")
def harness(request: pytest.FixtureRequest) -> ModuleType:
    return run.harness(request.param)


@st.composite
def damaged(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """One seed in which some bytes are others, are gone, or stand twice."""
    bent = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(bent)))
        end = draw(st.integers(at, min(len(bent), at + 8)))
        bent = bent[:at] + draw(st.binary(max_size=4) | st.just(bent[at:end] * 2)) + bent[end:]
    return bent


def test_each_seed_is_taken(harness: ModuleType) -> None:
    for seed in harness.seeds():
        harness.feed(seed)


def test_no_damage_and_no_bytes_at_all_are_a_fault_of_ours(harness: ModuleType) -> None:
    seeds = harness.seeds()

    @settings(max_examples=EXAMPLES.get(harness.__name__.rpartition(".")[2], 400))
    @given(damaged(seeds) | st.binary(max_size=200))
    @example(b"")
    def feed(data: bytes) -> None:
        harness.feed(data)

    feed()


def test_the_corpus_of_each_harness_begins_with_its_seeds(
    harness: ModuleType, tmp_path: Path
) -> None:
    name = harness.__name__.rpartition(".")[2]
    run.lay_corpus(name, tmp_path / name)
    assert sorted(file.read_bytes() for file in (tmp_path / name).iterdir()) == sorted(
        harness.seeds()
    )
