"""Comparisons of contestants, each with its goal: arithmetic on what the rounds measured."""

from dataclasses import dataclass, replace
from statistics import median, quantiles
from typing import Literal


@dataclass(frozen=True)
class Goal:
    """A number to reach.

    Args:
        label: first words of its line in the table.
        of: the contestant that it is about.
        beside: contestants to compare with; the fastest counts; none for the seconds of `of` alone.
        most: the highest value that reaches the goal.
        least: the lowest value that reaches it, where more is better.
        kind: "ratio" of seconds; "rate", the ratio turned over; "memory", ratio of peaks; "difference" of seconds;
            "seconds".
        floor: contestants that take the places of `of` and, if there is a second one, of `beside`, and do only what
            cannot be left out; none where no such work was timed. For a difference, one alone is the floor.
        held_by: what holds the number there, in words, where even the floor misses the goal, or there is none.
        rest: what holds it there, where the floor reaches the goal.
    """

    label: str
    of: str
    beside: tuple[str, ...] = ()
    most: float | None = None
    least: float | None = None
    kind: Literal["ratio", "rate", "memory", "difference", "seconds"] = "ratio"
    floor: tuple[str, ...] = ()
    held_by: str = ""
    rest: str = ""

    def is_reached(self, value):
        """Returns whether a value reaches the goal.

        Args:
            value: of this goal's kind.
        """
        return value <= self.most if self.most is not None else value >= self.least


@dataclass(frozen=True)
class Outcome:
    """What was measured for a goal.

    Args:
        value: median over the rounds of the comparison within a round.
        low: its lower quartile.
        high: its upper quartile.
        fastest: the contestant that was compared with; None without one.
    """

    value: float
    low: float
    high: float
    fastest: str | None = None


def outcome(goal, measured):
    """Returns the `Outcome` of a goal; None if a contestant that it needs was not measured.

    Args:
        goal: a `Goal`.
        measured: contestant -> {"seconds": list with a number for each round, "peak_bytes": int}.
    """
    beside = [name for name in goal.beside if name in measured]
    if goal.of not in measured or (goal.beside and not beside):
        return None
    ours = measured[goal.of]["seconds"]
    if not goal.beside:
        return Outcome(median(ours), *quartiles(ours))
    fastest = min(beside, key=lambda name: median(measured[name]["seconds"]))
    theirs = measured[fastest]["seconds"]
    if goal.kind == "memory":
        ratio = measured[goal.of]["peak_bytes"] / measured[fastest]["peak_bytes"]
        return Outcome(ratio, ratio, ratio, fastest)
    compare = {"ratio": lambda a, b: a / b, "rate": lambda a, b: b / a, "difference": lambda a, b: a - b}[goal.kind]
    rounds = [compare(a, b) for a, b in zip(ours, theirs, strict=True)]
    return Outcome(median(rounds), *quartiles(rounds), fastest)


def floor(goal, measured):
    """Returns the value of a goal if its work took no longer than what cannot be left out; None if that was not timed.

    For memory, that is what the process holds after its imports.

    Args:
        goal: a `Goal`.
        measured: contestant -> {"seconds": list with a number for each round, "imported_bytes": int, ...}.
    """
    if goal.kind == "memory":
        least = {name: values | {"peak_bytes": values["imported_bytes"]} for name, values in measured.items()}
        found = outcome(goal, measured | {goal.of: least[goal.of]} if goal.of in measured else measured)
    elif goal.floor:
        beside = goal.floor[1:] or (() if goal.kind == "difference" else goal.beside)
        found = outcome(replace(goal, of=goal.floor[0], beside=beside), measured)
    else:
        return None
    return found and found.value


def quartiles(values):
    """Returns the lower and the upper quartile of some numbers.

    Args:
        values: one or more.
    """
    if len(values) < 2:
        return values[0], values[0]
    low, _, high = quantiles(values, n=4, method="inclusive")
    return low, high
