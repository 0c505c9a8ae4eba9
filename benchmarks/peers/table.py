"""The benchmark's tables in Markdown, and their place in a page."""

from statistics import median

from benchmarks.peers.goals import floor, outcome, quartiles

MARKS = "<!-- {name}: written by {command} -->", "<!-- end of {name} -->"
SECONDS = ((1.0, "s", 1.0), (1e-3, "ms", 1e3), (0.0, "µs", 1e6))


def goals_table(rows, results):
    """Returns the table of goals.

    Args:
        rows: the `Row`s.
        results: row -> {"contestants": contestant -> what was measured}.
    """
    lines = ["| work | measured (quartiles) | goal | | floor | held there by |", "|---|---|---|---|---|---|"]
    for row, goal in goals_of(rows, results):
        contestants = results[row.name]["contestants"]
        found = outcome(goal, contestants)
        if found is None:
            lines.append(f"| {label(goal, None)} | not measured | {aim(goal)} | | | |")
            continue
        verdict = "reached | | " if goal.is_reached(found.value) else f"**not reached** | {reason(goal, contestants)}"
        lines.append(f"| {label(goal, found)} | {measured(goal, found)} | {aim(goal)} | {verdict} |")
    return "\n".join(lines)


def times_table(rows, results):
    """Returns the table of the times and the memory of all contestants.

    Args:
        rows: the `Row`s.
        results: row -> {"contestants": contestant -> what was measured}.
    """
    lines = ["| work | contestant | time (quartiles) | peak memory | of it imports |", "|---|---|---|---|---|"]
    for row in rows:
        for name, values in results.get(row.name, {}).get("contestants", {}).items():
            seconds = spread(values["seconds"])
            memory = " | ".join(mebibytes(values[which]) for which in ("peak_bytes", "imported_bytes"))
            lines.append(f"| {row.title} | {name} | {seconds} per {row.unit}{waits(values)} | {memory} |")
    return "\n".join(lines)


def waits(values):
    """Returns the longest waits of `fit` in words, if they were measured.

    Args:
        values: what was measured of a contestant.
    """
    each = [answer["waits"] for answer in values.get("rounds", ()) if "waits" in answer]
    if not each:
        return ""
    beside, within = (max(numbers) for numbers in zip(*each, strict=True))
    return f"; a call waits up to {beside:.2f} s beside its epochs, and {within:.2f} s in its longest one"


def mebibytes(number):
    """Returns bytes in MiB, as words; none for None."""
    return "" if number is None else f"{number / 2**20:,.0f} MiB"


def goals_of(rows, results):
    """Yields pairs of a row that was measured and one of its goals."""
    for row in rows:
        if row.name in results:
            yield from ((row, goal) for goal in row.goals)


def label(goal, found):
    """Returns the words of a line: the goal's, and which form was the fastest where there are several."""
    return f"{goal.label} ({found.fastest})" if found and len(goal.beside) > 1 else goal.label


def aim(goal):
    """Returns the goal in words, such as "≤ 1.1"."""
    value, sign = (goal.most, "≤") if goal.most is not None else (goal.least, "≥")
    return f"{sign} {value:g}" + (" s" if goal.kind in ("difference", "seconds") else "")


def measured(goal, found):
    """Returns what was measured, with its quartiles."""
    if goal.kind == "memory":
        return f"{found.value:.2f}"
    unit = " s" if goal.kind in ("difference", "seconds") else ""
    return f"{found.value:.2f}{unit} ({found.low:.2f} to {found.high:.2f})".replace("-", "−")


def reason(goal, contestants):
    """Returns the floor of a goal, and what holds the number there, as two cells.

    Args:
        goal: a `Goal`.
        contestants: contestant -> what was measured.
    """
    least = floor(goal, contestants)
    if least is None:
        return f" | {goal.held_by}"
    return f"{least:.2f} | {goal.rest if goal.is_reached(least) and goal.rest else goal.held_by}"


def spread(seconds):
    """Returns the median of times with its quartiles, in one unit.

    Args:
        seconds: a number for each round.
    """
    middle = median(seconds)
    unit, factor = next((unit, factor) for least, unit, factor in SECONDS if middle >= least)
    low, high = (factor * value for value in quartiles(seconds))
    return f"{factor * middle:.2f} {unit} ({low:.2f} to {high:.2f})"


def between_marks(page, name, text, command="benchmarks.peers"):
    """Returns a page with other text between the marks of that name.

    Args:
        page: Markdown.
        name: of the marks.
        text: Markdown.
        command: that writes the text, as the marks say.

    Raises:
        ValueError: the page has no such marks.
    """
    start, end = (mark.format(name=name, command=command) for mark in MARKS)
    if start not in page or end not in page:
        raise ValueError(f"Expected the page to have the lines '{start}' and '{end}'. Add them where the text belongs.")
    before, rest = page.split(start, 1)
    return f"{before}{start}\n{text}\n{end}{rest.split(end, 1)[1]}"
