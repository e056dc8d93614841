"""What `broker jobs explain` advises comes last, as a command to type; equal tries are one line."""

from __future__ import annotations

import json

import pytest

from broker.model.jobs.job import Attempt, Outcome, State
from broker.model.printers.health import Observation
from broker.model.printers.printer import Duty, Health
from broker.model.printers.retry import Settlement
from broker.operations.jobs import explanation
from tests.cli.conftest import Site


def explained(site: Site, job_id: int) -> list[str]:
    """The sentences."""
    document = json.loads(site.broker("jobs", "explain", str(job_id), "--json").out)
    return list(document["sentences"])


def down(site: Site, name: str) -> None:
    """A printer that does not answer."""
    site.printers.observe(name, lambda _: Observation(Health.DOWN, "gone", 0, 3, 1.0, None))


@pytest.mark.usefixtures("running")
def test_a_job_for_a_dead_printer_can_be_let_go_elsewhere(site: Site) -> None:
    """A person sent it there, and a person takes that back."""
    site.up("oki-2")
    down(site, "oki-1")
    job_id = site.job()
    site.jobs.commands.move(job_id, "oki-1")
    assert explained(site, job_id)[-1] == (
        "`broker jobs move 1 --any` lets any other printer take it."
    )


@pytest.mark.usefixtures("running")
def test_printers_that_a_person_took_out_can_be_put_back(site: Site) -> None:
    """All of them, or the one that the job is for."""
    site.up("oki-1", "oki-2")
    job_id = site.job()
    assert "`broker printers ready" not in " ".join(explained(site, job_id))
    site.printers.set_duty("oki-1", Duty.MAINT, "new drum")
    site.printers.set_duty("oki-2", Duty.DRAIN)
    assert explained(site, job_id)[-1] == (
        "`broker printers ready NAME` puts a printer back in service: oki-1 (in maint), oki-2 (in "
        "drain)."
    )
    site.jobs.commands.move(job_id, "oki-1")
    assert "`broker printers ready oki-1` puts it back in service." in explained(site, job_id)


def refuse(site: Site, job_id: int, *printers: str) -> None:
    """These printers refuse it for good, and it is held."""
    for name in printers:
        claim = site.jobs.claims.claim(job_id, name)
        assert claim is not None
        state = State.HELD if name == printers[-1] else State.QUEUED
        site.jobs.claims.finish(
            claim,
            Outcome.REFUSED,
            f"{name}: 0xC600",
            permanent=True,
            strike=True,
            settlement=Settlement(state, "refused it: 0xC600"),
        )


def test_what_one_printer_refuses_another_may_take(site: Site) -> None:
    """Where every printer has refused it, none is named."""
    one, both = site.job(), site.job()
    refuse(site, one, "oki-1")
    refuse(site, both, "oki-1", "oki-2")
    assert "`broker jobs move 1 oki-2` tries it on oki-2." in explained(site, one)
    assert "then `broker jobs release 1`. Or print it otherwise" in explained(site, one)[-1]
    assert "jobs move" not in " ".join(explained(site, both))
    site.printers.set_duty("oki-2", Duty.DRAIN)
    said = explained(site, one)
    assert "tries it on oki-2, once it is ready: it is in drain now." in " ".join(said)
    assert "`broker printers ready oki-2` puts it back in service." in said


def test_a_job_that_its_own_printer_refused_can_go_to_another(site: Site) -> None:
    """A person bound it there: the remedy names that printer, in the list and on its own."""
    job_id = site.job()
    site.jobs.commands.move(job_id, "oki-1")
    refuse(site, job_id, "oki-1")
    lets = "It is bound to oki-1, which refused it. `broker jobs move 1 --any` lets it go to any"
    assert explained(site, job_id)[-1].startswith(lets)
    assert lets in " ".join(site.broker("jobs").out.split())


def test_what_came_since_is_named_before_a_job_is_released(site: Site) -> None:
    """In the list, on its own, and in the question: a later job may have printed the same film."""
    held, later = site.uncertain(), site.job()
    first = f"Look first whether job {later} has printed the same: then `broker jobs cancel {held}`"
    assert explained(site, held)[-1].startswith(first)
    assert first in " ".join(site.broker("jobs").out.split())


def test_a_held_job_names_what_brings_back_a_printer(site: Site) -> None:
    """Its tries on one printer are used up, and a person has taken the other out: that can be
    ended before the job is released."""
    site.up("oki-1", "oki-2")
    job_id = site.job()
    claim = site.jobs.claims.claim(job_id, "oki-1")
    assert claim is not None
    given_up = Settlement(State.HELD, "gave up after 5 tries: oki-1: 0xC600")
    site.jobs.claims.finish(
        claim, Outcome.REFUSED, "oki-1: 0xC600", strike=True, settlement=given_up
    )
    assert "broker printers ready" not in " ".join(explained(site, job_id))
    site.printers.set_duty("oki-2", Duty.MAINT, "new drum")
    said = explained(site, job_id)
    assert said[-2] == "`broker printers ready oki-2` puts it back in service."
    assert "`broker jobs release 1`" in said[-1]


def test_what_was_left_out_of_films_is_told(site: Site) -> None:
    """As `show` has it: films that were accepted otherwise than they were asked for, once for all
    that have the same words."""
    job_id = site.job(films=3)
    claim = site.jobs.claims.claim(job_id, "oki-1")
    assert claim is not None
    words = ("Trim left out: oki-1 does not take it", "", "Trim left out: oki-1 does not take it")
    for film, said in zip(site.jobs.queries.films(job_id), words, strict=True):
        site.jobs.claims.asked(claim, film.id)
        site.jobs.claims.accepted(claim, film.id, said)
    sent = Settlement(State.SENT, "")
    site.jobs.claims.finish(claim, Outcome.ACCEPTED, "", settlement=sent)
    assert "Films 1, 3: Trim left out: oki-1 does not take it." in explained(site, job_id)


def attempt(printer: str, words: str) -> Attempt:
    """One that was refused."""
    return Attempt(1, 1, printer, 0.0, 1.0, Outcome.REFUSED, words)


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ("a", ["Try 1, "]),
        ("aab", ["Tries 1 and 2, ", "Try 3, "]),
        ("abaaaab", ["Tries 1 and 3 to 6, ", "Tries 2 and 7, "]),
        ("abababababa", ["6 of the tries from 1 to 11, ", "5 of the tries from 2 to 10, "]),
    ],
)
def test_equal_tries_are_told_together(order: str, said: list[str]) -> None:
    """By printer, outcome and words; each kind where its first one stands."""
    found = explanation.told([attempt(each, f"{each}: no") for each in order], "running")
    assert len(found) == len(said)
    assert all(line.startswith(begin) for line, begin in zip(found, said, strict=True))


def test_advice_comes_last(site: Site) -> None:
    """A person who reads the end of the screen sees what to do, not the tries."""
    sentences = explained(site, site.uncertain())
    assert sentences[-1].startswith("Look in the tray of oki-1.")
    assert any(each.startswith("Try 1, ") for each in sentences)


@pytest.mark.parametrize("order", ["show", "explain", "hold", "cancel", "reprint"])
def test_what_is_no_number_is_told_so(site: Site, order: str) -> None:
    """In words for the person who typed it."""
    ended = site.broker("jobs", order, "abc")
    assert ended.code == 2
    assert "abc is not a job's number; it is what `broker jobs` shows below ID" in " ".join(
        ended.err.replace("│", " ").split()
    )


def test_a_test_film_for_a_printer_in_maintenance_says_why_it_waits(site: Site) -> None:
    """At once, with what ends it."""
    site.printers.set_duty("oki-1", Duty.MAINT)
    assert site.broker("test-print", "-p", "oki-1", "--no-wait").out == (
        "job 1 is queued: one A4 test film, for oki-1 and no other printer, once it is ready: it "
        "is in maint now; `broker printers ready oki-1` ends that\n"
    )


def test_a_duty_that_was_just_set(site: Site) -> None:
    """Nothing lasts for 0 seconds."""
    site.broker("printers", "drain", "oki-1")
    assert site.broker("printers", "drain", "oki-1").out == (
        "oki-1 was already drain, set just now; nothing was changed\n"
    )
