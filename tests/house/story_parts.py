"""The tables of docs/reference/stories.md, made from the words that the reader of stories knows."""

import re
from collections.abc import Mapping

from ipfo.sim import claims, happenings, text

HEADS: Mapping[str, tuple[str, Mapping[str, tuple[str, text.Form]]]] = {
    "pair": ("the pair, as in the config", text.PAIR),
    "group NAME": ("a group, as in the config; without any there is `web`, preferred on alpha", text.GROUP),
    "fence": ("there is one", text.FENCE),
    "hosts": ("how links and hosts behave when nothing special happens", text.HOSTS),
}  # fmt: skip

KINDS: Mapping[int, str] = {
    id(text.DURATION): "1.5s",
    id(text.MAYBE): "1.5s or never",
    id(text.RANGE): "1ms..6ms",
    id(text.SHARE): "5%",
    id(text.YES): "yes or no",
    id(text.WORD): "a word",
    id(text.NUMBER): "3",
    id(text.WORDS): "a,b or none",
    id(text.MEMBERS): "web:a,b;db:c, the groups of a unit and their addresses",
}
"""How a value of each form looks."""

OTHERS = (
    ("`other group NAME`", "the same of the other configuration, which a node may get"),
    ("`witness that denies`", "there is one; each host reaches it until something happens"),
    ("`witness that votes`", "likewise, a store of votes"),
    ("`clock of NODE at=1000s ppm=50`", "its steady clock at the start, and how fast it runs"),
    ("`seed 7`", "of all that is left to chance"),
    ("`ends at 60 s`", "when; else 5 s after the last line"),
    ("`never two holders`", "not even for a moment, and whatever could excuse it"),
    ("`never two holders for more than 2 s`", "in one go"),
)


def readable(pattern: str, words: Mapping[str, str]) -> str:
    """`pattern` as people would write it: names in capitals, what may be missing in brackets."""
    for part, word in words.items():
        pattern = pattern.replace(part, word)
    pattern = re.sub(r"\(\?(?::|P<\w+>)([^()]*)\)\?", r"[\1]", pattern)
    pattern = re.sub(r"\(\?(?::|P<\w+>)([^()]*)\)", r"\1", pattern)
    return pattern.replace("|", "\\|")


def story_happenings() -> str:
    """What can happen."""
    rows = [
        f"| `{readable(pattern, happenings.WORDS)}` | {does} |"
        for pattern, does in happenings.VERBS.values()
    ]
    return "\n".join(["| at an instant | |", "| --- | --- |", *rows]) + "\n"


def story_claims() -> str:
    """What can be expected."""
    words = {
        claims.TEXT: '[ "TEXT"]',
        claims.NODE: "NODE",
        claims.GROUP: "GROUP",
        r"(?P<word>[a-z]+)": "EVENT",
        r"(?: (?P<times>\d+) times?)?": "[ N times]",
        r"(?P<phases>[a-z_ ]+)": "none or PHASE ...",
        r"(?P<number>\d+)": "N",
    }
    rows = [
        f"| `{readable(pattern, words)}` | {means} |"
        for pattern, _, means in claims.CLAIMS.values()
    ]
    return "\n".join(["| expectation | |", "| --- | --- |", *rows]) + "\n"


def story_head() -> str:
    """The head's words."""
    rows = []
    for word, (means, table) in HEADS.items():
        keys = ", ".join(f"`{key}=` {KINDS[id(form)]}" for key, (_, form) in table.items())
        rows.append(f"| `{word}` | {means}: {keys} |")
    rows += [f"| {word} | {means} |" for word, means in OTHERS]
    return "\n".join(["| line | |", "| --- | --- |", *rows]) + "\n"
