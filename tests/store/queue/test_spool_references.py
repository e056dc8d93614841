"""What retention releases is told from what a lost row no longer refers to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broker.model.jobs.job import State
from broker.model.printers.trouble import RecordDamaged
from broker.store.database import Database
from broker.store.queue.commands import NotAllowed
from broker.store.queue.jobs import Jobs
from broker.store.queue.retention import Retention, Terms
from tests.store.conftest import Clock, MakeFilm, MakeRequest

ALL = Terms(pixels_before=2000.0, rows_before=0.0)
ONE, TWO = "ab" * 32, "cd" * 32


def there(_: str) -> bool:
    """All files are."""
    return True


def test_only_what_no_other_job_needs_is_released(
    database: Database, jobs: Jobs, make_request: MakeRequest, make_film: MakeFilm, clock: Clock
) -> None:
    """Pixels of a finished job, unless a job that waits has the same."""
    jobs.submission.add(make_request(films=(make_film(ONE), make_film(TWO))))
    jobs.submission.add(make_request(films=(make_film(TWO),)))
    jobs.commands.cancel(1)

    Retention(database, clock).remove(ALL)

    assert jobs.references.released([ONE, TWO]) == {ONE}
    assert jobs.references.spooled() == {TWO}


def test_what_comes_again_is_released_no_longer(
    database: Database, jobs: Jobs, make_request: MakeRequest, make_film: MakeFilm, clock: Clock
) -> None:
    """Nor what has been removed."""
    jobs.submission.add(make_request(films=(make_film(ONE), make_film(TWO))))
    jobs.commands.cancel(1)
    Retention(database, clock).remove(ALL)
    jobs.submission.add(make_request(films=(make_film(ONE),)))

    jobs.references.forget_released(there)
    assert jobs.references.released([ONE, TWO]) == {TWO}
    jobs.references.forget_released(lambda _: False)
    assert jobs.references.released([ONE, TWO]) == set()


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM spooled",
        "UPDATE spooled SET name = 'x' || substr(name, 2)",
    ],
)
def test_a_lost_reference_is_made_again(
    database: Database, jobs: Jobs, make_request: MakeRequest, make_film: MakeFilm, damage: str
) -> None:
    """The film itself says what it is made of."""
    jobs.submission.add(make_request(films=(make_film(ONE),)))
    with database.write() as connection:
        connection.exec_driver_sql(damage)
    assert ONE not in jobs.references.spooled()

    assert jobs.references.refer_again([ONE, TWO]) == {ONE}

    assert ONE in jobs.references.spooled([ONE])
    assert jobs.references.refer_again([TWO]) == set()


def test_a_film_whose_pixels_were_released_needs_none(
    database: Database, jobs: Jobs, make_request: MakeRequest, clock: Clock
) -> None:
    """Its row stays for weeks, and still names them."""
    jobs.submission.add(make_request())
    jobs.commands.cancel(1)
    Retention(database, clock).remove(ALL)
    assert jobs.references.refer_again([ONE]) == set()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE films SET content = replace(content, '14INX17IN', '14INX14IN')",
        "UPDATE films SET content = replace(content, 'abab', 'abcb')",
        "UPDATE films SET content = replace(content, '\"rows\":2', '\"rows\":6')",
        "UPDATE films SET content = replace(content, '{', '[')",
        "UPDATE films SET content = CAST(X'ff' || content AS TEXT)",
        "UPDATE films SET digest = 'f' || substr(digest, 2)",
        "UPDATE sendings SET state = 'waitinf'",
        "UPDATE sendings SET copies = 3",
        "UPDATE sendings SET pass_number = 2",
        "UPDATE jobs SET copies = 3",
        "UPDATE jobs SET films = 2",
        "UPDATE jobs SET level = 'film session'",
        "UPDATE jobs SET session = replace(session, 'BLUE', 'CLEAR')",
        "UPDATE jobs SET digest = 'f' || substr(digest, 2)",
    ],
)
def test_a_film_that_is_not_what_was_accepted_is_not_printed(
    database: Database, jobs: Jobs, make_request: MakeRequest, damage: str
) -> None:
    """Whatever was altered of it, and whether it can still be read or not."""
    jobs.submission.add(make_request())
    assert len(jobs.queries.whole_films(1)) == 1
    with database.write() as connection:
        connection.exec_driver_sql(damage)

    with pytest.raises(RecordDamaged, match=r"(it|the job) is missing or was altered"):
        jobs.queries.whole_films(1)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE films SET content = replace(content, '14INX17IN', '14INX14IN')",
        "UPDATE jobs SET session = replace(session, 'BLUE', 'CLEAR')",
        "UPDATE jobs SET level = 'filn box'",
    ],
)
def test_what_was_altered_is_not_printed_again_either(
    database: Database, jobs: Jobs, make_request: MakeRequest, damage: str
) -> None:
    """A reprint would take what was altered for what was accepted."""
    jobs.submission.add(make_request())
    jobs.commands.cancel(1)
    with database.write() as connection:
        connection.exec_driver_sql(damage)
    with pytest.raises(RecordDamaged, match=r"(it|the job) is missing or was altered"):
        jobs.commands.reprint(1)


def test_a_damaged_film_session_keeps_no_other_from_its_end(
    database: Database, jobs: Jobs, make_request: MakeRequest, clock: Clock
) -> None:
    """Retention goes on, and leaves nothing of what may be a label."""
    jobs.submission.add(make_request(session={"FilmSessionLabel": ("DOE^JANE",)}))
    jobs.commands.cancel(1)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE jobs SET session = replace(session, '{', '[')")
    assert Retention(database, clock).remove(ALL).pixels == 1
    assert jobs.queries.session(1) == {}


def test_a_length_that_is_not_its_images_is_noticed(
    jobs: Jobs, make_request: MakeRequest, make_film: MakeFilm
) -> None:
    """Rows and columns say how many bytes there are."""
    film = make_film()
    (box,) = film.image_boxes
    assert box.image is not None
    wrong = replace(box, image=replace(box.image, length=7))
    jobs.submission.add(make_request(films=(replace(film, image_boxes=(wrong,)),)))
    with pytest.raises(RecordDamaged):
        jobs.queries.whole_films(1)


@pytest.mark.parametrize("column", ["state", "level", "priority"])
def test_one_damaged_row_hides_no_other(
    database: Database, jobs: Jobs, make_request: MakeRequest, column: str
) -> None:
    """It is shown as held, with the reason, is not printed, and can be cancelled."""
    jobs.submission.add(make_request())
    jobs.submission.add(make_request())
    with database.write() as connection:
        connection.exec_driver_sql(f"UPDATE jobs SET {column} = 'Qveued' WHERE id = 1")

    damaged, other = jobs.queries.list()
    assert (damaged.state, other.state) == (State.HELD, State.QUEUED)
    assert damaged.reason.startswith(f"its row in the database is damaged ({column})")
    assert [job.id for job in jobs.queries.waiting()] == [2]
    assert [job.id for job in jobs.queries.waiting(5)] == [2]
    assert sum(jobs.queries.numbers().values()) == 2
    with pytest.raises(NotAllowed, match="job 1 is held"):
        jobs.commands.hold(1)
    jobs.commands.cancel(1)
    assert jobs.queries.numbers()[State.CANCELLED] == 1


def test_a_damaged_state_is_held_for_good(
    database: Database, jobs: Jobs, make_request: MakeRequest
) -> None:
    """Among those that are held it is looked for; in no other list."""
    jobs.submission.add(make_request())
    jobs.submission.add(make_request())
    assert jobs.recovery.hold_damaged() == []
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE jobs SET state = 'Queued' WHERE id = 1")
    assert jobs.recovery.hold_damaged() == [1]
    (held,) = jobs.queries.list([State.HELD])
    assert held.reason == "its row in the database is damaged (state)"
    jobs.commands.release(1)
    assert [job.id for job in jobs.queries.waiting()] == [1, 2]


@pytest.mark.parametrize("column", ["level", "priority"])
def test_a_queued_job_that_cannot_take_its_turn_is_held(
    database: Database, jobs: Jobs, make_request: MakeRequest, column: str
) -> None:
    """It is found among those that are held, says why once, and prints where that can be; where
    not, a person is told what to do."""
    jobs.submission.add(make_request())
    jobs.submission.add(make_request())
    with database.write() as connection:
        connection.exec_driver_sql(f"UPDATE jobs SET {column} = 'MEE' WHERE id = 1")

    assert jobs.recovery.hold_damaged() == [1]
    assert jobs.recovery.hold_damaged() == []

    (held,) = jobs.queries.list([State.HELD])
    assert (held.id, held.reason) == (1, f"its row in the database is damaged ({column})")
    if column == "priority":
        jobs.commands.release(1)
        assert [job.id for job in jobs.queries.waiting()] == [1, 2]
    else:
        with pytest.raises(NotAllowed, match=r"cannot be printed; `broker jobs cancel 1`"):
            jobs.commands.release(1)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("UPDATE films SET content = '{\"x' WHERE job_id = 1", "film 1: what the database keeps"),
        (
            "DELETE FROM sendings WHERE job_id = 1",
            "what the database keeps of the job is missing or was altered",
        ),
    ],
)
def test_a_job_without_pixels_whose_rows_are_damaged_is_held(
    database: Database, jobs: Jobs, make_request: MakeRequest, damage: str, words: str
) -> None:
    """With those words, once; and so is the one beside it."""
    jobs.submission.add(make_request())
    jobs.submission.add(make_request())
    with database.write() as connection:
        connection.exec_driver_sql(damage)

    assert jobs.recovery.hold_without_pixels(lambda _name: False) == [1, 2]
    assert jobs.recovery.hold_without_pixels(lambda _name: False) == []

    assert jobs.queries.get(1).state is State.HELD
    assert jobs.queries.get(1).reason.startswith(words)
    assert jobs.queries.get(2).reason.startswith("film 1: its pixels are missing")


def test_damaged_rows_take_no_place_of_those_that_wait(
    database: Database, jobs: Jobs, make_request: MakeRequest
) -> None:
    """Though they are the first in the order, as many jobs are given as were asked for."""
    for _ in range(4):
        jobs.submission.add(make_request())
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE jobs SET level = 'x' WHERE id = 1")
        connection.exec_driver_sql("UPDATE jobs SET priority = 'x' WHERE id = 2")
    assert [job.id for job in jobs.queries.waiting(2)] == [3, 4]


def test_text_that_is_none_hides_nothing(
    database: Database, jobs: Jobs, make_request: MakeRequest
) -> None:
    """A byte that is no UTF-8 is shown as what it is."""
    jobs.submission.add(make_request())
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE jobs SET calling_ae = CAST(X'4354FF31' AS TEXT)")
    assert jobs.queries.list()[0].calling_ae == "CT�1"
