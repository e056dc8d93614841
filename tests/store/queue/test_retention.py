"""What is finished goes after its time: pixels first, rows later, nothing else ever."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import update

from broker.model.films.film import PresentationLut
from broker.model.jobs.job import Outcome, State
from broker.model.peers.caller import Caller
from broker.model.printers.retry import Settlement
from broker.model.storage.disk import SheddingChoice
from broker.store import tables
from broker.store.database import Database
from broker.store.queue.commands import NotAllowed
from broker.store.queue.jobs import Jobs
from broker.store.queue.retention import _OLDEST_KEPT, BATCH, Removal, Retention, Terms
from broker.store.reading.job_rows import NoSuchJob
from broker.store.tables import spooled
from tests.store.conftest import Clock, MakeFilm, MakeRequest

PIXELS_ONLY = Terms(pixels_before=2000.0, rows_before=0.0)
EVERYTHING = Terms(pixels_before=2000.0, rows_before=2000.0)


@pytest.fixture
def retention(database: Database, clock: Clock) -> Retention:
    """Of the same database as the jobs."""
    return Retention(database, clock)


def _finish(jobs: Jobs, number: int) -> None:
    claim = jobs.claims.claim(number, "oki-1")
    assert claim is not None
    for film in jobs.queries.films(number):
        jobs.claims.asked(claim, film.id)
        jobs.claims.accepted(claim, film.id)
    jobs.claims.finish(claim, Outcome.ACCEPTED, "", settlement=Settlement(State.SENT, ""))


def test_pixels_of_finished_jobs_go_and_their_rows_stay(
    jobs: Jobs, retention: Retention, make_request: MakeRequest
) -> None:
    """The spool is asked to keep nothing of it; the job says so, and cannot be printed again."""
    jobs.submission.add(make_request())
    _finish(jobs, 1)

    assert retention.due(PIXELS_ONLY) == Removal(pixels=1)
    assert retention.remove(PIXELS_ONLY) == Removal(pixels=1)

    assert jobs.references.spooled() == set()
    assert jobs.queries.get(1).pixels_removed_at == 1000.0
    with pytest.raises(NotAllowed, match="its pixels have been removed since; print it at the mod"):
        jobs.commands.reprint(1)
    assert retention.remove(PIXELS_ONLY) == Removal()


def test_a_label_goes_with_the_pixels(
    jobs: Jobs, retention: Retention, make_request: MakeRequest
) -> None:
    """It may name a patient; what else was asked for the film session stays to be looked up."""
    session = {"FilmSessionLabel": ("DOE^JANE",), "MediumType": ("BLUE FILM",)}
    jobs.submission.add(make_request(session=session))
    _finish(jobs, 1)
    assert jobs.queries.request(1).session == session

    retention.remove(PIXELS_ONLY)

    assert jobs.queries.request(1).session == {"MediumType": ("BLUE FILM",)}


def test_pixels_that_another_job_needs_stay(
    jobs: Jobs, retention: Retention, make_request: MakeRequest
) -> None:
    """Two jobs of the same content have one file, which goes with the second."""
    for _ in range(2):
        jobs.submission.add(make_request())
    _finish(jobs, 1)

    retention.remove(EVERYTHING)

    assert jobs.references.spooled() == {"ab" * 32}


def test_rows_go_later(jobs: Jobs, retention: Retention, make_request: MakeRequest) -> None:
    """Films, sendings and attempts go with their job; its number is never given again."""
    jobs.submission.add(make_request(2))
    _finish(jobs, 1)

    assert retention.due(EVERYTHING) == Removal(pixels=1, rows=1)
    assert retention.remove(EVERYTHING) == Removal(pixels=1, rows=1)

    with pytest.raises(NoSuchJob):
        jobs.queries.films(1)
    assert jobs.submission.add(make_request()) == 2


@pytest.mark.parametrize("state", ["queued", "printing", "held"])
def test_what_is_not_finished_stays(
    jobs: Jobs, retention: Retention, make_request: MakeRequest, state: str
) -> None:
    """However old it is: only a person cancels (promise 5)."""
    jobs.submission.add(make_request())
    if state == "printing":
        jobs.claims.claim(1, "oki-1")
    if state == "held":
        jobs.commands.hold(1)

    assert retention.remove(Terms(1e12, 1e12)) == Removal()
    assert jobs.queries.get(1).state == state
    assert jobs.references.spooled() == {"ab" * 32}


def test_what_has_just_ended_stays(
    jobs: Jobs, clock: Clock, retention: Retention, make_request: MakeRequest
) -> None:
    """The time counts from the end of a job, not from when it came."""
    jobs.submission.add(make_request())
    clock.now = 2500.0
    jobs.commands.cancel(1)

    assert retention.remove(EVERYTHING) == Removal()


def test_much_goes_in_several_steps(
    jobs: Jobs, retention: Retention, make_request: MakeRequest
) -> None:
    """A writer waits for one batch at most; what referred to a job that is gone stays whole."""
    for _ in range(BATCH + 1):
        jobs.submission.add(make_request())
    for number in range(1, BATCH + 2):
        jobs.commands.cancel(number)
    again = jobs.commands.reprint(1)

    assert retention.remove(EVERYTHING) == Removal(pixels=BATCH, rows=BATCH)
    assert retention.remove(EVERYTHING) == Removal(pixels=1, rows=1)
    assert jobs.queries.get(again).reprint_of is None


NAMES = [f"{number:02x}" * 32 for number in range(10)]
SIZE = 8
"""Bytes of the pixels of `make_film`."""


def _sizes(_: str) -> int:
    return SIZE


def _finish_each(jobs: Jobs, clock: Clock, numbers: range) -> None:
    """One after the other, a second apart."""
    for number in numbers:
        clock.now += 1
        _finish(jobs, number)


def test_what_ended_first_is_shed_first(
    jobs: Jobs, clock: Clock, retention: Retention, make_request: MakeRequest, make_film: MakeFilm
) -> None:
    """By its end and not by its number; the job says why, its label goes with its pixels, and it
    cannot be printed again."""
    session = {"FilmSessionLabel": ("DOE^JANE",)}
    for name in NAMES[:4]:
        jobs.submission.add(make_request(films=(make_film(name),), session=session))
    _finish_each(jobs, clock, range(2, 5))
    _finish_each(jobs, clock, range(1, 2))

    choice = retention.to_shed(2 * SIZE, _sizes)
    assert choice == SheddingChoice((2, 3), frozenset(NAMES[1:3]), 2 * SIZE)
    assert retention.shed(choice.jobs, "room") == [2, 3]

    assert jobs.references.spooled() == {NAMES[0], NAMES[3]}
    assert [job.pixels_removed_why for job in jobs.queries.list()] == ["", "room", "room", ""]
    assert jobs.queries.request(2).session == {}
    with pytest.raises(NotAllowed, match="removed since, as room was needed for new films; print"):
        jobs.commands.reprint(2)
    assert retention.shed_early(clock.now - 1, 60.0) == 2
    assert retention.shed_early(clock.now + 1, 60.0) == 0
    assert retention.shed_early(clock.now - 1, 2.5) == 1, "the other one was kept for longer"
    assert retention.to_shed(100 * SIZE, _sizes).jobs == (4, 1)


def test_what_an_unfinished_job_refers_to_is_not_shed(
    jobs: Jobs, clock: Clock, retention: Retention, make_request: MakeRequest, make_film: MakeFilm
) -> None:
    """Queued, printing or held; nor is a finished job stripped for nothing."""
    for name in NAMES[:3]:
        for _ in range(2):
            jobs.submission.add(make_request(films=(make_film(name),)))
    jobs.commands.hold(4)
    jobs.claims.claim(6, "oki-2")
    _finish_each(jobs, clock, range(1, 6, 2))

    assert retention.to_shed(1, _sizes) == SheddingChoice()
    assert retention.shed([2, 4, 6], "room") == [], "they are not finished"
    assert jobs.references.spooled() == set(NAMES[:3])


def test_a_reprint_that_comes_between_keeps_the_file(
    jobs: Jobs, clock: Clock, retention: Retention, make_request: MakeRequest
) -> None:
    """What was chosen is looked at again when it is removed."""
    jobs.submission.add(make_request())
    _finish_each(jobs, clock, range(1, 2))
    choice = retention.to_shed(1, _sizes)
    jobs.commands.reprint(1)

    retention.shed(choice.jobs, "room")

    assert jobs.references.spooled() == set(choice.names), (
        "which the spool asks before it removes any"
    )
    assert retention.referred_besides(choice.names, choice.jobs) == set(choice.names)


def test_what_is_kept_is_weighed_by_its_files(
    jobs: Jobs, clock: Clock, make_request: MakeRequest, make_film: MakeFilm
) -> None:
    """A file of several finished jobs counts once, one that an unfinished job needs not at all."""
    for name in (NAMES[0], NAMES[0], NAMES[1], NAMES[2]):
        jobs.submission.add(make_request(films=(make_film(name),)))
    assert jobs.references.kept_bytes() == 0
    _finish_each(jobs, clock, range(1, 4))
    assert jobs.references.kept_bytes() == 2 * SIZE
    jobs.commands.reprint(3)
    assert jobs.references.kept_bytes() == SIZE


def test_files_that_are_gone_count_as_nothing(
    jobs: Jobs, clock: Clock, retention: Retention, make_request: MakeRequest, make_film: MakeFilm
) -> None:
    """Neither as what finished jobs keep nor as what a modality has waiting, once it is known that
    they are missing; put back, they count again. References stay."""
    for name in (*NAMES[:3], NAMES[3]):
        jobs.submission.add(make_request(films=(make_film(name),)))
    _finish_each(jobs, clock, range(1, 4))
    caller = Caller("CT1", "10.0.0.9")
    there = {NAMES[2]}

    def size(name: str) -> int:
        return SIZE if name in there else 0

    assert jobs.references.kept_bytes() == 3 * SIZE
    assert retention.count_missing(size) == 3
    assert retention.count_missing(size) == 0
    assert jobs.references.kept_bytes() == SIZE
    assert (jobs.queries.unfinished()[caller].bytes, jobs.queries.waiting_bytes(caller)) == (
        0,
        (0, 0),
    )
    assert jobs.references.spooled() == set(NAMES[:4])

    there |= {NAMES[0], NAMES[3]}
    assert retention.count_missing(size) == 2
    assert jobs.references.kept_bytes() == 2 * SIZE
    assert jobs.queries.waiting_bytes(caller) == (SIZE, SIZE)


def test_jobs_without_files_hide_no_others(
    jobs: Jobs,
    clock: Clock,
    database: Database,
    make_request: MakeRequest,
    make_film: MakeFilm,
) -> None:
    """However many of the oldest have lost their files, those that have some are found."""
    retention = Retention(database, clock, batch=1, most_looked_at=2)
    for name in NAMES[:4]:
        jobs.submission.add(make_request(films=(make_film(name),)))
    _finish_each(jobs, clock, range(1, 5))

    def size(name: str) -> int:
        return SIZE if name == NAMES[3] else 0

    retention.count_missing(size)

    assert retention.to_shed(1, size) == SheddingChoice((4,), frozenset({NAMES[3]}), SIZE)


def test_rows_of_an_older_version_are_weighed(
    jobs: Jobs, database: Database, retention: Retention, make_request: MakeRequest
) -> None:
    """Their bytes are filled in from the spool, so that they count as others do."""
    caller = Caller("CT1", "10.0.0.9")
    for _ in range(2):
        jobs.submission.add(make_request())
    with database.write() as connection:
        connection.execute(update(spooled).values(bytes=None))
        connection.execute(update(tables.jobs).values(bytes=None))
    assert jobs.queries.unfinished()[caller].bytes == 0

    assert retention.weigh(lambda _: 5000) == 1
    assert retention.weigh(_sizes) == 0
    assert jobs.queries.unfinished()[caller].bytes == 10000
    assert jobs.queries.waiting_bytes(caller) == (5000, 5000)


def test_finding_what_to_shed_does_not_look_through_all_jobs(
    database: Database, jobs: Jobs, make_request: MakeRequest
) -> None:
    """The index gives the oldest at once, however many jobs lost their pixels long ago."""
    jobs.submission.add(make_request())
    with database.read() as connection:
        statement = _OLDEST_KEPT.compile(database._engine)
        plan = connection.exec_driver_sql(
            f"EXPLAIN QUERY PLAN {statement}", {"most": 1, "after": 0}
        ).all()
    assert "ix_jobs_kept" in str(plan)
    assert "TEMP B-TREE" not in str(plan)


def test_a_job_whose_state_is_damaged_keeps_its_pixels(
    database: Database, jobs: Jobs, retention: Retention, make_request: MakeRequest
) -> None:
    """It may have to be printed: it is not among those that are finished, wherever they are asked
    for."""
    jobs.submission.add(make_request())
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE jobs SET state = 'Queued', updated_at = 1")
    names = jobs.references.spooled()

    assert retention.to_shed(1, _sizes) == SheddingChoice()
    assert retention.shed([1], "room") == []
    assert retention.remove(EVERYTHING) == Removal()
    assert jobs.references.kept_bytes() == 0
    assert jobs.references.needed() == names
    assert retention.referred_besides(names, [1]) == names
    assert jobs.references.spooled() == names


def test_what_print_does_not_name_goes_with_the_pixels(
    jobs: Jobs, clock: Clock, retention: Retention, make_request: MakeRequest, make_film: MakeFilm
) -> None:
    """It may be patient text; the rest of the film stays, and is what its digest says."""
    lut = PresentationLut(shape="IDENTITY")
    named_lut = replace(lut, more=b"name", table_more=b"name")
    made = make_film(NAMES[0])
    box, *others = made.image_boxes
    film = replace(made, lut=lut, image_boxes=(replace(box, lut=lut), *others))
    named_box = replace(box, lut=named_lut, more=b"name", image_more=b"name")
    named = replace(
        film,
        lut=named_lut,
        more=b"name",
        session_more=b"name",
        image_boxes=(named_box, *others),
    )
    jobs.submission.add(make_request(films=(named,)))
    _finish_each(jobs, clock, range(1, 2))

    assert retention.shed([1], "room") == [1]

    (left,) = jobs.queries.whole_films(1)
    assert left.film == film
