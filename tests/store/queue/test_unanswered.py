"""Films that may be on paper are found without reading every film."""

from __future__ import annotations

from broker.model.jobs.job import Outcome, State
from broker.model.printers.retry import Settlement
from broker.store.queue.jobs import Jobs
from broker.store.reading.queries import Unanswered
from tests.store.conftest import Clock, MakeRequest


def test_only_films_without_an_answer(jobs: Jobs, clock: Clock, make_request: MakeRequest) -> None:
    """Of printing and held jobs: whom they were asked of, and when. None once it is settled."""
    waiting, printing, held = (jobs.submission.add(make_request(2)) for _ in range(3))
    assert waiting == 1
    for job_id, printer in ((printing, "oki-1"), (held, "oki-2")):
        clock.now += 10
        claim = jobs.claims.claim(job_id, printer)
        assert claim is not None
        first, second = jobs.queries.films(job_id)
        jobs.claims.asked(claim, first.id)
        jobs.claims.accepted(claim, first.id)
        jobs.claims.asked(claim, second.id)
    jobs.claims.uncertain(claim, second.id, "no answer")
    settlement = Settlement(State.HELD, "uncertain")
    jobs.claims.finish(claim, Outcome.UNCERTAIN, "no answer", settlement=settlement)

    assert jobs.queries.unanswered() == [
        Unanswered(printing, 2, "oki-1", 1010.0),
        Unanswered(held, 2, "oki-2", 1020.0),
    ]
    jobs.commands.release(held, printed=True)
    assert [each.job_id for each in jobs.queries.unanswered()] == [printing]
