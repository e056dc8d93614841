"""When printers are checked that an attempt runs on."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping

import pytest

from broker.model.jobs.job import Claim
from broker.model.printers.health import Check, CheckKind
from broker.model.printers.printer import Address, Health
from broker.relay.monitor import Monitor, Rhythm
from broker.store.printers import Printers
from broker.store.queue.jobs import Jobs
from tests.store.conftest import Clock, MakeRequest, clock, database, jobs, printers, url
from tests.store.conftest import make_film as make_film
from tests.store.conftest import make_request as make_request

__all__ = ["clock", "database", "jobs", "printers", "url"]

NORMAL = Check(CheckKind.NORMAL, "")
BUSY = Check(CheckKind.BUSY, "busy")
PATIENCE_S = 20.0


class Watched:
    """A monitor whose checks find what the test says."""

    def __init__(self, printers: Printers, clock: Clock) -> None:
        self.found = {"oki-1": NORMAL, "oki-2": NORMAL}
        self.checks: Counter[str] = Counter()
        self.clock = clock
        self._changed = threading.Condition()
        self.monitor = Monitor(
            printers,
            self._probe,
            lambda: Rhythm(interval_s=1.0),
            clock=clock,
            changed=lambda: None,
            note=self._note,
        )

    def _probe(self, address: Address) -> Check:
        with self._changed:
            self.checks[address.name] += 1
            self._changed.notify_all()
        return self.found[address.name]

    def _note(self, event: str, facts: Mapping[str, object]) -> None:
        assert event != "monitor failed", facts

    def _wait_for_checks(self, number: int) -> None:
        assert self._changed.wait_for(lambda: self.checks["oki-2"] >= number, PATIENCE_S)

    def after(self, seconds: float) -> Counter[str]:
        """Let the time pass; how often each was checked by the time that oki-2 was checked twice.

        oki-1 comes before it in every round, and was passed over where it was not checked.
        """
        for _ in range(2):
            with self._changed:
                self.clock.now += seconds / 2
                self._wait_for_checks(self.checks["oki-2"] + 1)
        return self.checks.copy()


@pytest.fixture
def watched(printers: Printers, clock: Clock) -> Iterator[Watched]:
    """Both printers are up, and checked every second."""
    made = Watched(printers, clock)
    made.monitor.start()
    yield made
    made.monitor.stop(5.0)


def _printing(jobs: Jobs, make_request: MakeRequest) -> Claim:
    claim = jobs.claims.claim(jobs.submission.add(make_request()), "oki-1")
    assert claim is not None
    jobs.claims.asked(claim, jobs.queries.films(claim.job_id)[0].id)
    return claim


def test_a_printer_that_has_not_answered_for_long_is_checked(
    watched: Watched, jobs: Jobs, printers: Printers, make_request: MakeRequest
) -> None:
    """Not in the first seconds of a film, in which most are printed; then as ever."""
    watched.after(2)
    _printing(jobs, make_request)
    before = watched.checks["oki-1"]
    assert watched.after(4)["oki-1"] == before
    watched.after(4)
    assert watched.after(4)["oki-1"] > before + 1
    assert printers.get("oki-1").health is Health.UP


def test_a_check_that_tells_nothing_is_not_made_again(
    watched: Watched, jobs: Jobs, make_request: MakeRequest
) -> None:
    """A printer that takes one association at a time is asked for another once, until its attempt
    takes its next step."""
    watched.after(2)
    claim = _printing(jobs, make_request)
    watched.found["oki-1"] = BUSY
    before = watched.checks["oki-1"]
    watched.after(8)
    watched.after(8)
    assert watched.after(8)["oki-1"] == before + 1
    jobs.claims.accepted(claim, jobs.queries.films(claim.job_id)[0].id)
    watched.after(8)
    watched.after(8)
    assert watched.after(8)["oki-1"] == before + 2
