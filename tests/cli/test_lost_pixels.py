"""Jobs whose pixels are not in the spool are found, and held, all at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broker.model.films.film import Image
from broker.model.jobs.job import FilmState, State
from broker.model.printers.trouble import PRINT_AGAIN
from broker.spool.stored import name_of
from broker.store.queue.jobs import Jobs
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
    return jobs.recovery.hold_without_pixels(there)


def test_only_jobs_without_their_pixels_are_held(site: Site) -> None:
    """Each says which films; the others wait on."""
    whole, lost, finished = site.job(), site.job(2, film=LOST), site.job(film=LOST)
    site.jobs.commands.cancel(finished)
    assert hold(site.jobs) == [lost]
    held = site.jobs.queries.get(lost)
    assert (held.state, held.printer) == (State.HELD, "")
    assert held.reason == f"films 1, 2: their pixels are missing; {PRINT_AGAIN}"
    assert site.jobs.queries.get(whole).state is State.QUEUED
    assert site.jobs.queries.get(finished).state is State.CANCELLED
    assert hold(site.jobs) == []


def test_a_film_that_is_on_paper_needs_no_pixels(site: Site) -> None:
    """A job of which only accepted films have lost theirs prints what is left."""
    job_id = site.job(film=LOST)
    claim = site.jobs.claims.claim(job_id, "oki-1")
    assert claim is not None
    (film,) = site.jobs.queries.films(job_id)
    site.jobs.claims.asked(claim, film.id)
    site.jobs.claims.accepted(claim, film.id)
    site.jobs.recovery.recover()
    assert hold(site.jobs) == []
    assert site.jobs.queries.films(job_id)[0].state is FilmState.ACCEPTED


def test_a_held_job_keeps_its_own_reason(site: Site) -> None:
    """Whether a film is on paper is a question for a person, pixels or not."""
    job_id = site.job(film=LOST)
    site.jobs.commands.hold(job_id, "held by the operator: wrong size")
    assert hold(site.jobs) == [job_id]
    assert site.jobs.queries.get(job_id).reason == (
        f"held by the operator: wrong size; film 1: its pixels are missing; {PRINT_AGAIN}"
    )
    assert hold(site.jobs) == []


def spool_is_gone(site: Site) -> None:
    """Moved away, or not mounted."""
    (site.folder / "broker-data" / "spool").rename(site.folder / "elsewhere")


def lose(site: Site) -> None:
    """The spool is there, and has lost its pixels."""
    (site.folder / "broker-data" / "spool" / "ab" / HERE).unlink()


@pytest.mark.parametrize("command", [["jobs"], ["printers"], ["jobs", "explain", "1"]])
def test_without_its_spool_nothing_is_promised(site: Site, command: list[str]) -> None:
    """One remedy for one state, the one that `broker serve` gives: nothing is called safe, and
    it is not said that a start prints it."""
    site.job()
    spool_is_gone(site)
    serve = site.broker("serve", "--no-web")
    assert serve.code == 1
    remedy = " ".join(serve.err.split())
    assert "Mount it or move it back, then `broker serve` again" in remedy
    said = " ".join(site.broker(*command).out.split())
    assert said.startswith("NO BROKER IS RUNNING on this data directory")
    assert remedy in said
    assert "safe" not in said
    assert "starts it" not in said
    assert "PIXELS ARE MISSING" not in said


@pytest.mark.parametrize("order", [["release", "1"], ["move", "1", "oki-1"]])
def test_an_order_without_the_spool_promises_no_film(site: Site, order: list[str]) -> None:
    """`broker serve` would not start."""
    site.jobs.commands.hold(site.job(), f"film 1: its pixels are missing; {PRINT_AGAIN}")
    spool_is_gone(site)
    ended = site.broker("jobs", *order)
    assert ended.err.startswith("no broker is running here; ")
    assert "the spool is not there" in ended.err
    assert "prints it" not in ended.err
    assert "its pixels are not in the spool" in ended.out


@pytest.mark.usefixtures("running")
def test_a_spool_that_is_taken_from_a_running_broker_is_told(site: Site) -> None:
    """It has to be stopped first."""
    site.job()
    spool_is_gone(site)
    said = " ".join(site.broker("jobs").out.split())
    assert said.startswith("FILMS ARE REFUSED: the spool is missing")
    assert "Stop it" in said


def test_with_pixels_lost_nothing_is_called_safe(site: Site) -> None:
    """The spool is there: what is elsewhere is copied beside what came since."""
    site.job()
    assert "What waits is safe" in " ".join(site.broker("jobs").out.split())
    lose(site)
    said = " ".join(site.broker("jobs").out.split())
    assert "safe" not in said
    assert "copy them back into this folder, beside what is there" in said
    assert "starts it" in said


def test_a_move_tells_what_is_so_now(site: Site) -> None:
    """Pixels that were missing when the job was held, and may be there again."""
    site.job(), site.job(film=LOST)
    for job_id in (1, 2):
        site.jobs.commands.hold(job_id, f"film 1: its pixels are missing; {PRINT_AGAIN}")
    again = site.broker("jobs", "move", "1", "oki-1").out
    # It is there, and is not what its name says: that is not there either.
    assert again == (
        "job 1 is released, though its pixels are not in the spool, and queued for oki-1 and no "
        "other printer\n"
    )
    content = b"8x8 pixels" * 6 + b"more"
    name = name_of(content)
    folder = site.folder / "broker-data" / "spool" / name[:2]
    folder.mkdir()
    (folder / name).write_bytes(content)
    image = Image(name, len(content), 8, 8, 8, 8, "MONOCHROME2")
    job_id = site.job(film=replace(FILM, image_boxes=(replace(FILM.image_boxes[0], image=image),)))
    site.jobs.commands.hold(job_id, f"film 1: its pixels are missing; {PRINT_AGAIN}")
    assert site.broker("jobs", "move", str(job_id), "oki-1").out == (
        "job 3 is released, as its pixels are there again, and queued for oki-1 and no other "
        "printer\n"
    )


def test_what_is_finished_and_lost_is_not_promised_again(site: Site) -> None:
    """Whatever was ordered: the way to have it is the modality."""
    site.sent()
    for order in ("cancel", "hold", "release"):
        assert "`broker jobs reprint 1` prints it again" in site.broker("jobs", order, "1").err
    lose(site)
    for order in ("cancel", "hold", "release"):
        said = site.broker("jobs", order, "1").err
        assert said == f"job 1 is sent: its pixels are not in the spool; {PRINT_AGAIN}\n"


def test_what_was_never_printed_is_not_printed_again(site: Site) -> None:
    """A second cancel."""
    site.job()
    site.broker("jobs", "cancel", "1")
    assert site.broker("jobs", "cancel", "1").err == (
        "job 1 is cancelled: `broker jobs reprint 1` prints it after all\n"
    )
