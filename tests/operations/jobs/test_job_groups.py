"""A long list of jobs, in groups of one state and one reason."""

from __future__ import annotations

from dataclasses import replace

from broker.model.jobs.job import Job, Priority, State
from broker.model.printers.choose import Choice, PassedOver
from broker.operations.jobs.explanation import waiting_words
from broker.operations.jobs.job_groups import FEW, job_groups, shares
from broker.operations.jobs.job_status import JobStatus
from tests.model.conftest import MakeJob, make_job

__all__ = ["make_job"]


def status(job: Job, why: str = "", line: str = "") -> JobStatus:
    """Of a job that waits so."""
    return JobStatus(job, why=why, line=line)


def test_what_waits_for_the_same_is_one_group(make_job: MakeJob) -> None:
    """Numbers within a reason make no other group; what a person must see comes last."""
    waiting = [
        status(make_job(number), f"in line at oki-1, {number} films before it", "oki-1")
        for number in range(1, 5)
    ]
    nowhere = [status(make_job(5), "no printer can take it now: oki-2 down for 12 s")]
    held = [status(make_job(6, state=State.HELD, reason="held by the operator"))]
    sent = [status(make_job(7, state=State.SENT))]
    groups = job_groups([*sent, *held, *nowhere, *waiting])
    assert [group.words for group in groups] == [
        "1 job sent",
        "1 job queued: no printer can take it now: oki-n down for n s",
        "4 jobs queued: in line at a printer",
        f"1 job held: {groups[3].why}",
    ]
    assert groups[3].why


def test_of_waiting_ones_those_are_shown_that_print_next(make_job: MakeJob) -> None:
    """The urgent first; of finished ones the newest."""
    jobs = [make_job(number) for number in range(1, 6)]
    jobs[4] = replace(jobs[4], priority=Priority.HIGH)
    (group,) = job_groups([status(each, line="oki-1") for each in jobs])
    assert [each.job.id for each in group.some(3)] == [5, 1, 2]
    (sent,) = job_groups([status(replace(each, state=State.SENT)) for each in jobs])
    assert [each.job.id for each in sent.some(2)] == [4, 5]


def test_small_groups_are_whole(make_job: MakeJob) -> None:
    """About FEW are shown in all, and some of each."""
    numbers = iter(range(1, 10_000))

    def group(printer: str, size: int) -> list[JobStatus]:
        return [status(make_job(next(numbers)), why=printer) for _ in range(size)]

    groups = job_groups(group("a", 2) + group("b", 500) + group("c", 30))
    assert [len(each.jobs) for each in groups] == [2, 30, 500]
    assert shares(groups) == [2, 19, 19]
    assert sum(shares(groups)) == FEW
    many = job_groups([each for name in range(50) for each in group("p" * name, 9)])
    assert set(shares(many)) == {3}


def test_of_many_printers_a_reason_names_some() -> None:
    """How it is with them, and the first few names: a sentence, not a page."""
    others = [PassedOver(f"oki-{number}", "in maintenance: new drum") for number in range(1, 5)]
    others += [PassedOver(f"oki-{number}", f"down: 10.0.0.{number}:104") for number in range(5, 41)]
    choice = Choice(1, "", False, "no printer can take it now", tuple(others))
    assert waiting_words(choice, bound=False) == (
        "no printer can take it now: oki-1, oki-2, oki-3, and 1 more in maintenance; oki-5, oki-6, "
        "oki-7, and 33 more down"
    )
    few = Choice(1, "", False, "no printer can take it now", tuple(others[:2]))
    assert waiting_words(few, bound=False).endswith("oki-2 in maintenance: new drum")


def test_what_a_printer_said_is_told_once(make_job: MakeJob) -> None:
    """A job's own reason is left out where the reason to wait has the same of that printer; it
    stands where that tells of another printer, or of something else."""
    job = make_job(1, reason="oki-1: 10.0.0.1:104 refused the connection")
    again = "no printer can take it now: oki-1 down: 10.0.0.1:104 refused the connection"
    assert status(job, again).reasons == (again,)
    for why in (
        "no printer can take it now: oki-2 down: 10.0.0.1:104 refused the connection",
        "no printer can take it now: oki-1 draining",
        "",
    ):
        assert status(job, why).reasons == tuple(filter(None, (job.reason, why)))
