"""Jobs and printers as plain data, in any state that a test needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from broker.model.jobs.job import Job, Level, Priority, State
from broker.model.printers.printer import Address, Duty, Health, Printer
from broker.model.printers.retry import Policy, TroubleContext, Verdict, after
from broker.model.printers.trouble import Trouble

MakePrinter = Callable[..., Printer]
MakeJob = Callable[..., Job]

_ADDRESS = Address("oki-1", "OKI1", "127.0.0.1", 11112)


@pytest.fixture
def make_printer() -> MakePrinter:
    """A printer that is ready, up and idle, but for what is given."""

    def make(
        name: str = "oki-1", *, weight: int = 100, associations: int = 1, **given: Any
    ) -> Printer:
        well: dict[str, Any] = {
            "duty": Duty.READY,
            "duty_reason": "",
            "duty_since": 0.0,
            "health": Health.UP,
            "health_since": 0.0,
            "reason": "",
            "good_checks": 1,
            "bad_checks": 0,
            "last_check_at": 0.0,
            "failures_in_row": 0,
            "paused_until": 0.0,
            "supports_lut": True,
            "load": 0,
            "claims": 0,
            "films_accepted": 0,
            "failures": 0,
            "recent": 0,
        }
        address = replace(_ADDRESS, name=name, weight=weight, associations=associations)
        return Printer(address=address, **{**well, **given})

    return make


@pytest.fixture
def make_job() -> MakeJob:
    """A queued job of one film, but for what is given."""

    def make(id: int = 1, **given: Any) -> Job:
        fresh: dict[str, Any] = {
            "state": State.QUEUED,
            "reason": "",
            "calling_ae": "CT1",
            "called_ae": "BROKER",
            "peer": "127.0.0.1:1",
            "film_session": f"session-{id}",
            "level": Level.FILM_BOX,
            "films": 1,
            "films_accepted": 0,
            "copies": 1,
            "priority": Priority.MED,
            "needs_lut": False,
            "printer": "",
            "pinned": "",
            "attempts": 0,
            "strikes": (),
            "not_before": 0.0,
            "command": "",
            "load": 1,
            "reprint_of": None,
            "created_at": float(id),
            "updated_at": float(id),
        }
        return Job(id=id, **{**fresh, **given})

    return make


NOW = 1000.0
POLICY = Policy(tries=3, first_delay_s=2, max_delay_s=60, fall=3)


def follow(trouble: Trouble, job: Job, *printers: Printer, policy: Policy = POLICY) -> Verdict:
    """The verdict on a trouble with the first of the printers, without jitter."""
    return after(trouble, TroubleContext(job, printers[0], printers, policy, NOW, lambda: 0.0))
