"""What strangers said, made fit for people: one line, of a length that can be read."""

LINE_MAX = 300
"""Characters of a line that are told to people."""


def for_people(text: str) -> str:
    """`text` without what would play tricks on a terminal or a line, and not too long."""
    return "".join(each if each.isprintable() else " " for each in text[:LINE_MAX]).strip()
