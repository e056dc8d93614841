"""`broker test-print`: one film through queue and printer, to see on paper that all is well."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.options import ConfigOption
from broker.operations.words.failures import FAILED, Failure

if TYPE_CHECKING:
    from broker.cli.output.progress import ProgressLine
    from broker.model.jobs.job import Job
    from broker.operations.opened import Store

POLL_S = 0.2
PATIENCE_S = 3.0
"""A film that waits longer gets an explanation."""


def print_test_film(
    ctx: typer.Context,
    printer: Annotated[
        str, typer.Option("--printer", "-p", help="This printer and no other.", metavar="NAME")
    ] = "",
    film_size: Annotated[
        str,
        typer.Option("--film-size", help="A Film Size ID: A4, A3, 14INX17IN, ...", metavar="SIZE"),
    ] = "A4",
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait until it is printed or held.")
    ] = True,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0, help="Wait at most N seconds.", metavar="N")
    ] = 300.0,
    config: ConfigOption = None,
) -> None:
    """Print one test film, and wait for a printer to accept it.

    Exit 0 when it is sent, 1 when it is held or not sent in time. The broker must be running.

    Example: broker test-print --printer oki-1
    """
    from broker.cli.options import opened
    from broker.cli.owner import person
    from broker.model.films.film import MILLIMETRES
    from broker.operations.commands.recorded import print_film, queued_text
    from broker.operations.condition.readiness import kept_bytes, read_vitals, room_of

    if film_size not in MILLIMETRES:
        raise typer.BadParameter(f"{film_size} is not a film size; use {', '.join(MILLIMETRES)}")
    with opened(ctx, config) as store:
        if printer:
            store.printers.get(printer)
        room = room_of(store, read_vitals(store.config.data_dir))
        if room.low and room.refuses(kept_bytes(store)):
            low = "the disk is nearly full: films of modalities are refused, this one is taken"
            typer.echo(low, err=True)
        job_id = print_film(store, person(), printer, film_size)
        typer.echo(queued_text(store, job_id, printer, film_size))
        if not store.running:
            waits = "no broker is running here: the film waits until `broker serve` prints it"
            if wait:
                raise Failure(waits)
            typer.echo(waits, err=True)
        elif wait:
            _watch(store, job_id, timeout)


def _watch(store: Store, job_id: int, timeout: float) -> None:
    """Wait for it, with a line on a terminal that shows for how long."""
    from broker.cli.output.progress import ProgressLine

    with ProgressLine(f"job {job_id} is queued") as progress:
        _wait(store, job_id, timeout, progress)


def _wait(store: Store, job_id: int, timeout: float, progress: ProgressLine) -> None:
    """Say each change until the job is finished or held; Failure when it is not sent."""
    from broker.model.jobs.job import FINISHED, State
    from broker.operations.jobs.job_status import explanation

    began = time.monotonic()
    shown = ""
    explained = False
    pause = threading.Event()
    while True:
        job = store.jobs.get(job_id)
        words = _progress(job)
        if words != shown and job.state is not State.QUEUED:
            progress.say(words)
        shown = words
        waited = time.monotonic() - began
        progress.tell(f"{words}; waits {timeout:g} s at most")
        if job.state is State.HELD or job.state is State.CANCELLED:
            raise typer.Exit(FAILED)
        if job.state in FINISHED:
            return
        if job.state is State.QUEUED and waited >= PATIENCE_S and not explained:
            explained = True
            for sentence in explanation(store, job).sentences:
                progress.say(sentence)
        if waited >= timeout:
            raise Failure(
                f"job {job_id} is still {job.state} after {timeout:g} s; it stays in the queue, "
                f"`broker jobs cancel {job_id}` gives it up"
            )
        pause.wait(POLL_S)


def _progress(job: Job) -> str:
    """Where the job is, in one line."""
    where = f" on {job.printer}" if job.printer and job.state == "printing" else ""
    by = f": {job.printer} accepted it" if job.printer and job.state == "sent" else ""
    why = f": {job.reason}" if job.reason else ""
    return f"job {job.id} is {job.state}{where}{by}{why}"
