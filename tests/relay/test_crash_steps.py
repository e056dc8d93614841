"""The line under SIGKILL: the real broker dies between every two steps, and is started again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from queue import SimpleQueue

import pytest

from broker.dicom import statuses
from broker.model.jobs.job import FilmState
from tests.peers.doomed_broker import BACK_DOOR, FRONT_DOOR, START, Nursery, Step, arm
from tests.peers.two_lives import ASKED, Case, Evidence, queue_films, run

AT_ONCE = 2
"""Cases that run at the same time."""

COMMITTED = ("rows-committed", "accepted", "success-sent", "incoming-dropped")
ANSWERED = ("success-sent", "incoming-dropped")
TWICE = ("pixels-written", "pixels-fsynced", "renamed", "directory-fsynced")
FRONT = [Case(step) for step in FRONT_DOOR] + [Case(step, 2) for step in TWICE]
IN_HAND = {
    "film-box-created": (1, 2),
    "image-set": (1, 1, 2),
    **dict.fromkeys((*ASKED, "settled", "film-box-deleted"), (1, 2)),
}
"""Step -> the film that is in hand when it comes for the first time, the second time, and so on."""
OUT = [
    Case(step, nth, film)
    for step in BACK_DOOR
    for nth, film in enumerate(IN_HAND.get(step, (0,)), start=1)
]
SURE = [case for case in OUT if not case.uncertain]
UNSURE = [case for case in OUT if case.uncertain]
AGAIN = [Case(each.step, each.nth, each.film, "reprint") for each in UNSURE]
TWO_CRASHES = [Case("n-action-left", 1, 1, start=step) for step in START]


@pytest.fixture(scope="module")
def play(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Case], Evidence]]:
    """Plays every case of the tests that were chosen, some at a time; tells what each has left."""
    folder = tmp_path_factory.mktemp("crashes")
    queued = folder / "queued"
    queued.mkdir()
    queue_films(queued)
    chosen = [
        item.callspec.params["case"]
        for item in request.session.items
        if item.path == request.path and isinstance(item, pytest.Function)
        if hasattr(item, "callspec") and "case" in item.callspec.params
    ]
    free: SimpleQueue[Nursery] = SimpleQueue()

    def play_one(case: Case) -> Evidence:
        nursery = free.get()
        try:
            return run(case, nursery, queued, folder / str(case))
        finally:
            free.put(nursery)

    with ExitStack() as stack:
        for _ in range(AT_ONCE):
            free.put(stack.enter_context(Nursery()))
        pool = stack.enter_context(ThreadPoolExecutor(AT_ONCE))
        played = {case: pool.submit(play_one, case) for case in chosen}
        yield lambda case: played[case].result()
        pool.shutdown(cancel_futures=True)


def each(cases: Sequence[Case]) -> pytest.MarkDecorator:
    """A test for each of the cases, by the names of their steps."""
    return pytest.mark.parametrize("case", cases, ids=str)


def died(case: Case) -> list[str]:
    """What the witnesses must say."""
    return [f"{case.step} {case.nth}", *([f"{case.start} 1"] if case.start else [])]


ONCE = {1: 1, 2: 1, 3: 1}


@each(FRONT)
def test_a_crash_while_a_film_is_taken(case: Case, play: Callable[[Case], Evidence]) -> None:
    """Success is said only of what comes out; without it, a film comes out once or not at all."""
    left = play(case)
    assert left.witnesses == died(case)
    assert left.heard == (statuses.SUCCESS if case.step in ANSWERED else None)
    assert left.sheets == ONCE | ({4: 1} if case.step in COMMITTED else {})
    assert left.held == {}
    assert left.orphans == set()


@each(SURE)
def test_a_crash_off_the_line(case: Case, play: Callable[[Case], Evidence]) -> None:
    """With no film asked for and unanswered, every film comes out exactly once."""
    left = play(case)
    assert left.witnesses == died(case)
    assert left.held == {}
    assert left.sheets == ONCE
    assert left.orphans == set()


@each([*UNSURE, *TWO_CRASHES])
def test_a_crash_on_the_line(case: Case, play: Callable[[Case], Evidence]) -> None:
    """A film asked for and not answered is held for a person, and no other film is touched."""
    left = play(case)
    assert left.witnesses == died(case)
    assert list(left.held) == [1]
    assert left.held[1].startswith(f"film {case.film}: uncertain")
    assert left.states == {
        film: FilmState.ACCEPTED
        if film < case.film
        else FilmState.UNCERTAIN
        if film == case.film
        else FilmState.WAITING
        for film in (1, 2)
    }
    first_life = {film: 1 for film in (1, 2) if film <= case.on_paper}
    assert left.before == first_life | {3: 1}
    assert left.sheets == ONCE
    assert left.orphans == set()


@each(AGAIN)
def test_a_crash_on_the_line_where_reprint_was_chosen(
    case: Case, play: Callable[[Case], Evidence]
) -> None:
    """Where the site chose so, that film is printed once more, and every other one once."""
    left = play(case)
    assert left.witnesses == died(case)
    assert left.held == {}
    assert left.sheets == ONCE | {case.film: 1 + (case.on_paper == case.film)}
    assert left.orphans == set()


@pytest.mark.parametrize("place", ["broker.spool.files:Spool.gone", "broker.spool.files:HEX"])
def test_a_step_whose_function_is_gone_is_no_step(place: str) -> None:
    """The driver fails at once when the code has changed under a step's name."""
    with pytest.raises(AttributeError):
        arm(Step("gone", "after", place), 1, lambda: None)
