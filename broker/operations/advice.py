"""What a person can do for a job that does not move, as commands to type."""

from __future__ import annotations

from collections.abc import Sequence

from broker.model.choose import Choice
from broker.model.job import Job
from broker.model.printer import Duty, Printer


def of_waiting(job: Job, choice: Choice, printers: Sequence[Printer]) -> tuple[str, ...]:
    """For a queued job that no printer can take now: who took the printers off duty can give them
    back, and a person's pin can be taken out."""
    if choice.printer or not choice.passed_over:
        return ()
    said = []
    off = [
        each for each in printers if each.duty is not Duty.READY and job.pinned in ("", each.name)
    ]
    if len(off) == 1:
        said.append(f"`broker printers ready {off[0].name}` puts that printer back in service.")
    elif off:
        names = ", ".join(f"{each.name} (in {each.duty})" for each in off)
        said.append(f"`broker printers ready NAME` puts a printer back in service: {names}.")
    if job.pinned and any(each.name != job.pinned for each in printers):
        said.append(f"`broker jobs move {job.id} --any` lets any other printer take it.")
    return tuple(said)


def of_refused(job: Job, printers: Sequence[Printer]) -> tuple[str, ...]:
    """For a held job that some printers refused for good, and others may take."""
    refusing = {strike.printer for strike in job.strikes if strike.permanent}
    others = [each for each in printers if each.name not in refusing]
    if not refusing or not others:
        return ()
    best = min(others, key=lambda each: each.duty is not Duty.READY)
    first = "" if best.duty is Duty.READY else f", once it is ready: it is in {best.duty} now"
    return (f"`broker jobs move {job.id} {best.name}` tries it on {best.name}{first}.",)
