"""What is counted of each note, and how histograms tell it."""

from __future__ import annotations

import json
import math

import pytest

from broker.events import Event
from broker.model.vitals import ANSWER_S, PAPER_S, Histogram, ServiceTally, Vitals

TAKEN = {"job": 1, "films": 3, "copies": 2, "seconds": 0.004}
FAILED = {"job": 1, "printer": "oki-1", "why": "no answer"}


def test_a_value_counts_up_to_its_bound() -> None:
    """A bound belongs to its own bucket, what is beyond all of them to the infinite one; buckets
    are cumulated, as Prometheus has them.
    """
    found = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 9.0):
        found.observe(value)
    assert found.cumulated() == [(1.0, 2), (2.0, 3), (math.inf, 4)]
    assert found.total == 12.0


def test_two_histograms_share_nothing() -> None:
    """What one counts, no other has."""
    one, other = ServiceTally(), ServiceTally()
    one.answer_s.observe(0.1)
    assert other.answer_s.cumulated()[-1] == (math.inf, 0)


def test_buckets_reach_from_milliseconds_to_an_hour() -> None:
    """An answer from 1 ms to 10 s, paper from 1 s to 1 h, each bound above the last."""
    assert (ANSWER_S[0], ANSWER_S[-1]) == (0.001, 10.0)
    assert (PAPER_S[0], PAPER_S[-1]) == (1.0, 3600.0)
    for bounds in (ANSWER_S, PAPER_S):
        assert list(bounds) == sorted(set(bounds))


def test_films_are_counted_as_they_come() -> None:
    """One job of three films; the second of its kind may have come before, and is held."""
    tally = ServiceTally()
    tally.heard(Event.FILMS_ACCEPTED, TAKEN)
    tally.heard(Event.FILMS_ACCEPTED, {**TAKEN, "films": 1, "duplicate_of": 1})
    tally.heard(Event.DUPLICATE_HELD, {"job": 2, "duplicate_of": 1})
    tally.heard(Event.FILM_INCOMPLETE, {"job": 2, "calling_ae": "CT1", "images": 3})
    assert (tally.jobs, tally.films, tally.duplicates, tally.held) == (2, 4, 1, 1)
    assert tally.images_refused == 3
    assert tally.answer_s.total == pytest.approx(0.008)


def test_attempts_are_counted_by_printer_and_outcome() -> None:
    """An accepted one, one that held its job in doubt, one that goes back to the queue."""
    tally = ServiceTally()
    tally.heard(Event.FILM_ACCEPTED, {"job": 1, "printer": "oki-1", "seconds": 7.5})
    tally.heard(Event.JOB_SENT, {"job": 1, "printer": "oki-1"})
    tally.heard(Event.ATTEMPT_FAILED, {**FAILED, "outcome": "uncertain", "state": "held"})
    tally.heard(Event.ATTEMPT_FAILED, {**FAILED, "outcome": "unavailable", "state": "queued"})
    assert tally.printed == {"oki-1": 1}
    assert tally.attempts == {
        ("oki-1", "accepted"): 1,
        ("oki-1", "uncertain"): 1,
        ("oki-1", "unavailable"): 1,
    }
    assert (tally.held, tally.uncertain) == (1, 1)
    assert tally.paper_s.cumulated()[3] == (10.0, 1)


def test_a_clock_that_was_set_back_counts_as_no_time() -> None:
    """Seconds to paper never become negative: the sum of a histogram only rises."""
    tally = ServiceTally()
    tally.heard(Event.FILM_ACCEPTED, {"job": 1, "printer": "oki-1", "seconds": -3600.0})
    assert (tally.paper_s.total, tally.paper_s.numbers[0]) == (0.0, 1)


def test_what_an_earlier_life_left_in_doubt_is_counted() -> None:
    """The films without an answer before a crash; none of a job that prints on."""
    tally = ServiceTally()
    tally.heard(Event.JOB_RECOVERED, {"job": 1, "state": "held", "reason": "x", "uncertain": 2})
    tally.heard(Event.JOB_RECOVERED, {"job": 2, "state": "queued", "reason": "", "uncertain": 0})
    assert (tally.held, tally.uncertain) == (1, 2)


def test_other_notes_count_nothing() -> None:
    """Whatever they tell."""
    tally = ServiceTally()
    tally.heard(Event.PRINTER_CHANGED, {"printer": "oki-1", "films": 9})
    assert tally == ServiceTally()


def test_vital_signs_are_the_same_after_the_file() -> None:
    """What is written is what is read, histograms and pairs of labels with it."""
    tally = ServiceTally()
    tally.heard(Event.FILMS_ACCEPTED, TAKEN)
    tally.heard(Event.JOB_SENT, {"job": 1, "printer": "oki-1"})
    tally.heard(Event.FILM_ACCEPTED, {"job": 1, "printer": "oki-1", "seconds": 7.5})
    told = Vitals(7, 1000.5, 3, tally, incomplete=(8, 9))
    assert Vitals.of_document(json.loads(json.dumps(told.document()))) == told


def test_a_document_is_of_one_moment() -> None:
    """What is counted afterwards does not change it: it is written without the lock."""
    tally = ServiceTally()
    found = Vitals(7, 1000.5, 0, tally).document()
    before = json.dumps(found)
    tally.heard(Event.FILMS_ACCEPTED, TAKEN)
    tally.heard(Event.JOB_SENT, {"job": 1, "printer": "oki-1"})
    tally.heard(Event.FILM_ACCEPTED, {"job": 1, "printer": "oki-1", "seconds": 7.5})
    assert json.dumps(found) == before


def test_buckets_of_another_version_are_refused() -> None:
    """Numbers under other bounds would be told as what they are not."""
    document = Vitals(7, 1000.5).document()
    document["tally"]["paper_s"]["numbers"].append(0)
    with pytest.raises(ValueError, match="paper_s"):
        Vitals.of_document(document)
