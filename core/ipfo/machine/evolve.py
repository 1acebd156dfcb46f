"""Makes the next value from the last one: `dataclasses.replace`, for values that change all the time.

A step makes a handful of new values, and `replace` calls ``__init__`` with every field for each of
them: on a node of forty fields that was two thirds of a step. So what is evolved has no slots, and
its fields are copied at once.
"""

from typing import Any, TypeVar

T = TypeVar("T")


def evolve(value: T, **changes: Any) -> T:  # noqa: ANN401 - whatever the fields are
    """`value`, a frozen dataclass without slots, with the fields of `changes` as given there."""
    made = object.__new__(type(value))
    fields = made.__dict__
    fields.update(value.__dict__)
    known = len(fields)
    fields.update(changes)
    assert len(fields) == known, f"{type(value).__name__} has not all of {sorted(changes)}"
    return made
