"""What checks, witnesses and a fence must not be told together, and what they make later."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.config.conftest import GOOD

from ipfo.config.load import examine, load_config

Write = Callable[..., Path]
Install = Callable[..., None]


@pytest.mark.usefixtures("doors")
@pytest.mark.parametrize(
    ("said", "faults"),
    [
        (
            'timeout = "2s"',
            [
                "groups.web.checks[0].timeout: a run may take 2s (timeout), and the next begins 2s after it began (interval); make the timeout less than 2s, or the interval more than 2s"
            ],
        ),
        (
            'interval = "500ms"',
            [
                "groups.web.checks[0].interval: a run may take 1s (timeout), and the next begins 500ms after it began (interval); make the timeout less than 500ms, or the interval more than 1s"
            ],
        ),
        (
            'interval = "5ms"\ntimeout = "0s"',
            [
                'groups.web.checks[0].interval: "5ms" is shorter than 10ms; make it at least "10ms"',
                'groups.web.checks[0].timeout: nothing can be done in no time; make it more than "0s"',
            ],
        ),
        (
            "rise = 0\nfall = -1",
            [
                "groups.web.checks[0].rise: 0 is not a whole number, 1 or more",
                "groups.web.checks[0].fall: -1 is not a whole number, 1 or more",
            ],
        ),
        (
            'start = "ill"\nwhen = "holding"',
            [
                'groups.web.checks[0].start: with when = "holding" it does not run before the group is held, so it would be ill with nobody looking; say start = "well", or when = "always"'
            ],
        ),
        (
            'start = "sick"\nwhen = "sometimes"',
            [
                'groups.web.checks[0].start: "sick" is not known here; it may be "well", "ill"',
                'groups.web.checks[0].when: "sometimes" is not known here; it may be "always", "holding"',
            ],
        ),
        (
            '[fence]\nplugin = "door"\ntimeout = "0s"\ndelay = "-1s"',
            [
                'fence.timeout: nothing can be done in no time; make it more than "0s"',
                'fence.delay: "-1s" is not a duration: up to 6 digits and a unit (ms, s, min, h), such as "500ms" or "3s"',
            ],
        ),
    ],
)
def test_what_contradicts_is_refused_with_line_key_and_the_sum(
    write: Write, said: str, faults: list[str]
) -> None:
    path = write(GOOD + f'\n[[groups.web.checks]]\nplugin = "door"\n{said}\n')
    lines = path.read_text().splitlines()
    found = [fault.removeprefix(f"{path}:").split(": ", 1) for fault in examine(path).faults]
    assert [words for _, words in found] == faults
    for line, words in found:
        key = words.split(": ")[0].rpartition(".")[2]
        assert lines[int(line) - 1].startswith(f"{key} = ")


def test_two_witnesses_that_vote_are_one_too_many(install: Install, write: Write) -> None:
    """P1: two voters could each grant the group to another node."""
    install("witness-door", "ipfo_witnesses", ["vote"])
    path = write(GOOD + '\n[[witnesses]]\nplugin = "door"\n' * 3)
    faults = examine(path).faults
    assert [fault.partition(" votes, ")[0] for fault in faults] == [
        f'{path}:22: witnesses[1].plugin: "door"',
        f'{path}:25: witnesses[2].plugin: "door"',
    ]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('takeover_after = "1.8s"\ninterval = "900ms"', "longer than takeover_after (1.8s)"),
        ('takeover_after = "1.5s"\ninterval = "500ms"', "may wait 500ms longer, 2s in all"),
        ('dead_after = "1.3s"', "longer than dead_after (1.3s)"),
        ('dead_after = "1.3s"', "may wait 1.7s longer, 3s in all"),
    ],
)
def test_a_vote_that_outlives_the_silence_is_a_warning_with_the_sum(
    install: Install, write: Write, said: str, words: str
) -> None:
    install("witness-door", "ipfo_witnesses", ["vote"])
    text = GOOD.replace('name = "www"', f'name = "www"\n{said}')
    examined = examine(write(text + '\n[[witnesses]]\nplugin = "door"\n'))
    assert examined.faults == ()
    (warning,) = [each for each in examined.warnings if "witnesses[0]" in each]
    assert words in warning


@pytest.mark.usefixtures("doors")
@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("", "may take 3s of silence + 30s of fencing = 33s"),
        ('timeout = "2s"\ndelay = "5s"', "3s of silence + 5s of delay + 2s of fencing = 10s"),
        ('timeout = "1s"\ndelay = "2s"', None),
    ],
)
def test_a_fence_that_a_takeover_waits_long_for_is_a_warning_with_the_sum(
    write: Write, said: str, words: str | None
) -> None:
    examined = examine(write(GOOD + f'\n[fence]\nplugin = "door"\n{said}\n'))
    assert examined.faults == ()
    if words is None:
        assert examined.warnings == ()
    else:
        (warning,) = examined.warnings
        assert ":18: fence: a takeover waits" in warning
        assert warning.endswith(words)


@pytest.mark.usefixtures("doors")
@pytest.mark.parametrize(
    "with_whom", ['[[witnesses]]\nplugin = "door"', '[fence]\nplugin = "door"']
)
def test_consistent_is_content_with_a_witness_or_a_fence(write: Write, with_whom: str) -> None:
    text = GOOD.replace('name = "www"', 'name = "www"\non_partition = "consistent"')
    (fault,) = examine(write(text)).faults
    assert '"consistent" needs a third party' in fault
    config = load_config(write(f"{text}\n{with_whom}\n"), "alpha")
    assert config.consistent
    assert config.terms(boot=1).consistent
