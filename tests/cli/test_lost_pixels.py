"""Jobs whose pixels are not in the spool are found, and held, all at once."""

from __future__ import annotations

from dataclasses import replace

from broker.model.film import Image
from broker.model.job import FilmState, State
from broker.model.trouble import PRINT_AGAIN
from broker.store.jobs import Jobs
from tests.cli.conftest import FILM, Site

HERE, GONE = "ab" * 32, "cd" * 32
"""Names of pixels in the spool, and of others."""
LOST = replace(
    FILM,
    image_boxes=(replace(FILM.image_boxes[0], image=Image(GONE, 8, 2, 4, 8, 8, "MONOCHROME2")),),
)


def there(name: str) -> bool:
    """What the spool says."""
    return name == HERE


def hold(jobs: Jobs) -> list[int]:
    """Hold those without pixels."""
    return jobs.hold_lost(there)


def test_only_jobs_without_their_pixels_are_held(site: Site) -> None:
    """Each says which films; the others wait on."""
    whole, lost, finished = site.job(), site.job(2, film=LOST), site.job(film=LOST)
    site.jobs.cancel(finished)
    assert hold(site.jobs) == [lost]
    held = site.jobs.get(lost)
    assert (held.state, held.printer) == (State.HELD, "")
    assert held.reason == f"films 1, 2: their pixels are missing; {PRINT_AGAIN}"
    assert site.jobs.get(whole).state is State.QUEUED
    assert site.jobs.get(finished).state is State.CANCELLED
    assert hold(site.jobs) == []


def test_a_film_that_is_on_paper_needs_no_pixels(site: Site) -> None:
    """A job of which only accepted films have lost theirs prints what is left."""
    job_id = site.job(film=LOST)
    claim = site.jobs.claim(job_id, "oki-1")
    assert claim is not None
    (film,) = site.jobs.films(job_id)
    site.jobs.asked(claim, film.id)
    site.jobs.accepted(claim, film.id)
    site.jobs.recover()
    assert hold(site.jobs) == []
    assert site.jobs.films(job_id)[0].state is FilmState.ACCEPTED


def test_a_held_job_keeps_its_own_reason(site: Site) -> None:
    """Whether a film is on paper is a question for a person, pixels or not."""
    job_id = site.job(film=LOST)
    site.jobs.hold(job_id, "held by the operator: wrong size")
    assert hold(site.jobs) == [job_id]
    assert site.jobs.get(job_id).reason == (
        f"held by the operator: wrong size; film 1: its pixels are missing; {PRINT_AGAIN}"
    )
    assert hold(site.jobs) == []
