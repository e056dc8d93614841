"""One film through queue and printer, to see on paper that all is well."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from broker.model.job import Level, PrintRequest
from broker.operations.duties import off_duty
from broker.operations.opened import Store
from broker.preview.test_film import test_film

CALLING_AE = "TEST-PRINT"


def print_film(store: Store, who: str, printer: str = "", film_size: str = "A4") -> int:
    """Put a test film in the spool and its job in the queue; the job's number.

    For that printer and no other, or with "" for any. NoSuchPrinter, SpoolMissing, OSError.
    """
    if printer:
        store.require(printer)
    when = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    film, pixels = test_film(printer or "any printer", when, film_size)
    spool = store.spool()
    request = PrintRequest(
        calling_ae=CALLING_AE,
        called_ae=store.config.broker.ae_title,
        peer="this machine",
        film_session=uuid.uuid4().hex,
        level=Level.FILM_BOX,
        session={},
        films=(film,),
    )
    received = [spool.receive([content]) for content in pixels.values()]
    try:
        with spool.keeping():
            spool.keep(received)
            job_id = store.jobs.add(request, pinned=printer)
    except BaseException:
        spool.undo(received, store.jobs.spooled)  # no job of it: its pixels are no orphans
        raise
    finally:
        spool.drop(received)
    store.orders.record(who, "test-print", words(store, job_id, printer, film_size), job_id=job_id)
    return job_id


def words(store: Store, job_id: int, printer: str, film_size: str) -> str:
    """What has just been ordered, and what it waits for where a person has to move first."""
    where = f"for {printer} and no other printer" if printer else "for any printer"
    said = f"job {job_id} is queued: one {film_size} test film, {where}"
    if printer and (waits := off_duty(store, printer)):
        return f"{said}{waits}; `broker printers ready {printer}` ends that"
    return said
