"""What repeats itself is told as a number."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from broker.model.repetition import EVERY_S, SINGLY, Repetitions

KEY = ("association refused", "not DICOM")


def test_the_first_few_are_told_at_once() -> None:
    """Each with its own facts; the next one is kept."""
    rows = Repetitions()
    told = [rows.heard(KEY, {"peer": number}, 0.0) for number in range(SINGLY + 1)]
    assert told == [*({"peer": number} for number in range(SINGLY)), None]
    assert rows.next_due == EVERY_S


def test_the_rest_is_told_as_a_number() -> None:
    """Once it is due, with the facts of the last; while it goes on, nothing is told singly."""
    rows = Repetitions()
    for number in range(100):
        rows.heard(KEY, {"peer": number}, 0.0)
    assert rows.due(EVERY_S - 0.1) == []
    assert rows.due(EVERY_S) == [(KEY, {"peer": 99, "number": 100 - SINGLY})]
    assert rows.next_due is None
    assert rows.heard(KEY, {"peer": 100}, EVERY_S) is None
    assert rows.due(2 * EVERY_S) == [(KEY, {"peer": 100, "number": 1})]


def test_after_a_pause_it_is_news_again() -> None:
    """An event long after the last flood is told at once."""
    rows = Repetitions()
    for _ in range(100):
        rows.heard(KEY, {}, 0.0)
    rows.due(EVERY_S)
    assert rows.heard(KEY, {"peer": 1}, 3 * EVERY_S) == {"peer": 1}


def test_kinds_do_not_hide_each_other() -> None:
    """A flood of one kind leaves another kind alone."""
    rows = Repetitions()
    for _ in range(100):
        rows.heard(KEY, {}, 0.0)
    other = ("association rejected", "called AE")
    assert rows.heard(other, {"peer": 7}, 0.0) == {"peer": 7}


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 4)), max_size=200))
def test_no_event_is_lost_or_told_twice(events: list[tuple[str, float]]) -> None:
    """However they come, the numbers that are told add up to the events."""
    rows = Repetitions()
    now, told = 0.0, 0
    for kind, pause in events:
        now += pause
        told += sum(int(str(facts["number"])) for _, facts in rows.due(now))
        told += rows.heard(("event", kind), {}, now) is not None
    told += sum(int(str(facts["number"])) for _, facts in rows.due(float("inf")))
    assert told == len(events)
