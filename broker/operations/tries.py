"""Tries of a job in sentences: equal ones together, as a night may have thousands."""

from __future__ import annotations

from collections.abc import Sequence

from broker.model.job import Attempt
from broker.model.printable import one_line
from broker.operations.text import moment

MOST_RUNS = 4
"""So many runs of numbers are told one by one."""


def told(attempts: Sequence[Attempt], open_one: str) -> tuple[str, ...]:
    """A sentence for all tries of one printer that ended alike, in the order of the first of each;
    `open_one` is said of one that has no end.
    """
    alike: dict[tuple[str, str, str], list[int]] = {}
    for number, attempt in enumerate(attempts, start=1):
        outcome = str(attempt.outcome) if attempt.outcome else open_one
        alike.setdefault((attempt.printer, outcome, attempt.words), []).append(number)
    lines = []
    for (printer, outcome, said), numbers in alike.items():
        first, last = attempts[numbers[0] - 1].began_at, attempts[numbers[-1] - 1].began_at
        several = len(numbers) > 1
        when = f"from {moment(first)} to {moment(last)}" if several else moment(first)
        where = printer or "no printer"
        words = f": {one_line(said)}" if said else ""
        lines.append(f"{_numbered(numbers)}, {when} UTC, {where}: {outcome}{words}.")
    return tuple(lines)


def _numbered(numbers: Sequence[int]) -> str:
    """`Try 3`, `Tries 3 and 5`, `Tries 1 to 3 and 5 to 15`; of many runs, how many in all."""
    if len(numbers) == 1:
        return f"Try {numbers[0]}"
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    if len(runs) > MOST_RUNS:
        return f"{len(numbers)} of the tries from {numbers[0]} to {numbers[-1]}"
    words: list[str] = []
    for first, last in runs:
        words += [f"{first} to {last}"] if last > first + 1 else map(str, range(first, last + 1))
    *most, end = words
    return f"Tries {', '.join(most)} and {end}" if most else f"Tries {end}"
