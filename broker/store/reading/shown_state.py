"""The state in which a job is shown: that of its row, or held where its row is damaged.

Python decides it for a row that was read (`shown_state`), SQL for rows that are looked for
(`all_in`): both say the same, so that a command finds the job as its person saw it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from itertools import pairwise
from typing import Any

from sqlalchemy import CompoundSelect, Select, and_, or_, select, union_all

from broker.model.jobs.job import Level, Priority, State
from broker.store.backend import fixed
from broker.store.tables import jobs

SHOWN_WHERE_DAMAGED: Mapping[str, StrEnum] = {
    "state": State.HELD,
    "level": Level.FILM_BOX,
    "priority": Priority.MED,
}
"""Columns of one word each, and what is shown where the word is damaged."""
KNOWN = {name: frozenset(type(value)) for name, value in SHOWN_WHERE_DAMAGED.items()}

_QUEUED = jobs.c.state == State.QUEUED
_LEVEL_LOST = jobs.c.level.not_in(fixed(Level))
_PRIORITY_LOST = jobs.c.priority.not_in(fixed(Priority))
NO_TURN = and_(_QUEUED, or_(_LEVEL_LOST, _PRIORITY_LOST))
"""Queued jobs that are shown as held: they cannot take their turn without level and priority."""
DAMAGED = {
    "state": jobs.c.state.not_in(fixed(State)),
    "level": and_(_QUEUED, _LEVEL_LOST),
    "priority": and_(_QUEUED, _PRIORITY_LOST),
}
"""Column -> the jobs that are shown as held because of its damage. One that is printing or finished
stays what it is."""


def unknown(row: Mapping[str, Any]) -> list[str]:
    """The columns whose word is none that there is: the row was damaged."""
    return [name for name, known in KNOWN.items() if row[name] not in known]


def shown_state(row: Mapping[str, Any]) -> State:
    """The state in which a job of these words is shown."""
    damaged = unknown(row)
    if "state" in damaged or (damaged and row["state"] == State.QUEUED):
        return State.HELD
    return State(row["state"])


def state_of(text: str) -> State:
    """The same by the word for the state alone."""
    return State(text) if text in KNOWN["state"] else State.HELD


def numbers_in(state: State) -> Select[tuple[int]]:
    """Selects the numbers of the jobs that are shown in that state and have it in their row."""
    found = select(jobs.c.id).where(jobs.c.state == state)
    return found.where(~NO_TURN) if state is State.QUEUED else found


def damaged_in(states: Collection[State]) -> Sequence[Select[tuple[int]]]:
    """Searches for the numbers of the further jobs that are shown in these states, those whose row
    is damaged. What is damaged is looked for between the known words, in the index."""
    if State.HELD not in states:
        return []
    state, words = jobs.c.state, sorted(State)
    between = [and_(state > before, state < after) for before, after in pairwise(words)]
    found = [state < words[0], state > words[-1], *between, NO_TURN]
    return [select(jobs.c.id).where(each) for each in found]


def all_in(states: Collection[State]) -> CompoundSelect[tuple[int]]:
    """Selects the numbers of all jobs that are shown in these states."""
    return union_all(*map(numbers_in, sorted(states)), *damaged_in(states))
