"""What was learned of printers, as rows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text

from broker.model.films.capabilities import Capability, Lesson, PrintObject, Trait
from broker.model.printers.printer import Duty
from broker.store.capabilities import MOST, Capabilities
from broker.store.database import Database
from broker.store.printers import NoSuchPrinter, Printers
from broker.store.queue.jobs import Jobs
from tests.store.conftest import Clock, MakeRequest
from tests.store.test_printers import ONE, TWO

SIZE = Trait(PrintObject.FILM_BOX, "FilmSizeID", "A3")
A3 = Capability(Lesson.REFUSES, SIZE, frozenset({SIZE}), 0x0106)
NO_TRIM = Capability(Lesson.WITHOUT, Trait(PrintObject.FILM_BOX, "Trim", "YES"))


@pytest.fixture
def capabilities(database: Database, printers: Printers, clock: Clock) -> Capabilities:
    """Nothing is known yet."""
    assert printers.list()
    return Capabilities(database, clock)


def test_a_lesson_is_kept_with_its_time(capabilities: Capabilities, clock: Clock) -> None:
    """Of that printer, once; learned again, it is as new."""
    assert capabilities.learn("oki-1", A3)
    clock.now += 50
    assert capabilities.learn("oki-1", NO_TRIM)
    assert not capabilities.learn("oki-1", A3)
    assert capabilities.of("oki-1") == (
        replace(A3, learned_at=1050.0),
        replace(NO_TRIM, learned_at=1050.0),
    ) or capabilities.of("oki-1") == (
        replace(NO_TRIM, learned_at=1050.0),
        replace(A3, learned_at=1050.0),
    )
    assert capabilities.of("oki-2") == ()


def test_what_printers_refuse_is_shown_with_them(
    capabilities: Capabilities, printers: Printers
) -> None:
    """And of all of them, where one refuses anything."""
    assert capabilities.refusals() == {}
    capabilities.learn("oki-1", A3)
    capabilities.learn("oki-1", NO_TRIM)
    known = (replace(A3, learned_at=1000.0),)
    assert printers.get("oki-1").refuses == known
    assert printers.get("oki-2").refuses == ()
    assert capabilities.refusals() == {"oki-1": known, "oki-2": ()}


def test_forgetting_is_a_persons_or_time_s(
    capabilities: Capabilities, printers: Printers, clock: Clock
) -> None:
    """`forget` forgets all, `ready` what it refuses, and time what is old."""
    for each in (A3, NO_TRIM):
        capabilities.learn("oki-1", each)
    printers.set_duty("oki-1", Duty.READY)
    assert [each.trait for each in capabilities.of("oki-1")] == [NO_TRIM.trait]
    assert printers.forget("oki-1") == 1
    assert printers.forget("oki-1") == 0
    with pytest.raises(NoSuchPrinter):
        printers.forget("oki-9")

    capabilities.learn("oki-1", A3)
    clock.now += 10
    capabilities.learn("oki-2", A3)
    assert capabilities.expire(1005.0) == 1
    assert capabilities.of("oki-1") == ()
    assert len(capabilities.of("oki-2")) == 1


def test_another_machine_behind_a_name_is_another_printer(
    capabilities: Capabilities, printers: Printers
) -> None:
    """Another host, port or AE title: nothing is known of it."""
    capabilities.learn("oki-1", A3)
    printers.sync([replace(ONE, weight=5), TWO])
    assert len(capabilities.of("oki-1")) == 1
    printers.sync([replace(ONE, port=999), TWO])
    assert capabilities.of("oki-1") == ()


def test_a_printer_that_is_gone_learns_nothing(capabilities: Capabilities) -> None:
    """It was taken out of the configuration for good while an attempt ran."""
    assert not capabilities.learn("oki-9", A3)
    assert capabilities.of("oki-9") == ()


def test_ever_new_values_fill_no_table(capabilities: Capabilities, clock: Clock) -> None:
    """The oldest are forgotten."""
    for number in range(MOST + 20):
        clock.now += 1
        trait = replace(NO_TRIM.trait, value=str(number))
        capabilities.learn("oki-1", replace(NO_TRIM, trait=trait))
    values = [each.trait.value for each in capabilities.of("oki-1")]
    assert len(values) == MOST
    assert values[-1] == str(MOST + 19)


def test_a_person_who_wants_a_job_tried_has_its_printers_asked(
    capabilities: Capabilities, jobs: Jobs, make_request: MakeRequest
) -> None:
    """Release forgets what of this job printers refuse, and move what that one printer does."""
    request = make_request(1)
    film = request.films[0]
    sized = replace(film, attributes={**film.attributes, "FilmSizeID": ("A3",)})
    number = jobs.submission.add(replace(request, films=(sized,), session={}))
    assert A3.among in jobs.queries.get(number).asks
    for printer in ("oki-1", "oki-2"):
        capabilities.learn(printer, A3)
    a2 = replace(SIZE, value="A2")
    other = replace(A3, trait=a2, among=frozenset({a2}))
    capabilities.learn("oki-1", other)

    jobs.commands.move(number, "oki-2")
    assert capabilities.of("oki-2") == ()
    assert len(capabilities.of("oki-1")) == 2
    jobs.commands.hold(number)
    jobs.commands.release(number)
    assert [each.trait for each in capabilities.of("oki-1")] == [other.trait]


def test_a_damaged_row_is_learned_again(capabilities: Capabilities, database: Database) -> None:
    """It hides no other one, and stops no printer."""
    capabilities.learn("oki-1", A3)
    capabilities.learn("oki-1", NO_TRIM)
    with database.write() as connection:
        connection.execute(text("UPDATE capabilities SET level = 'x' WHERE keyword = 'Trim'"))
    assert [each.trait for each in capabilities.of("oki-1")] == [A3.trait]


def test_other_adaptations_are_learned_anew(capabilities: Capabilities, printers: Printers) -> None:
    """What was learned under other keys of the printer is forgotten."""
    for changed in (
        {"adapt": ("film-size",)},
        {"omit": ("Trim",)},
        {"lut_level": "film session"},
        {"implicit_only": True},
    ):
        capabilities.learn("oki-1", A3)
        printers.sync([replace(ONE, **changed), TWO])  # type: ignore[arg-type]
        assert capabilities.of("oki-1") == ()
        printers.sync([ONE, TWO])
    capabilities.learn("oki-1", A3)
    printers.sync([replace(ONE, weight=7, max_pdu=8192), TWO])
    assert len(capabilities.of("oki-1")) == 1


def test_a_flood_of_one_kind_forgets_no_other(capabilities: Capabilities, clock: Clock) -> None:
    """What is learned once stays beside what is learned again and again."""
    capabilities.learn("oki-1", A3)
    for number in range(MOST + 5):
        clock.now += 1
        trait = replace(NO_TRIM.trait, value=str(number))
        capabilities.learn("oki-1", replace(NO_TRIM, trait=trait))
    assert A3.trait in [each.trait for each in capabilities.of("oki-1")]
