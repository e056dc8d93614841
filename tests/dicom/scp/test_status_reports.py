"""When a modality is told of the printers without asking, and what."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    BasicFilmSession,
    BasicGrayscalePrintManagementMeta,
    Printer,
    PrinterInstance,
    Verification,
)

from broker.dicom import statuses
from broker.model.printers.printer import BROKEN, FULL, KEPT, NORMAL
from tests.dicom.conftest import ScpSite
from tests.peers.listening_console import Console

META = BasicGrayscalePrintManagementMeta


@contextmanager
def console(site: ScpSite, *classes: str, status: int = statuses.SUCCESS) -> Iterator[Console]:
    """One that was opened while the printers were well; it releases in the end."""
    site.pool = site.pool or NORMAL
    made = Console(site.port, *classes, status=status)
    try:
        yield made
    finally:
        made.assoc.release()


NORMALLY, QUEUED, DOWN = (1, "", ""), (2, "QUEUED", "BROKER"), (3, "PRINTER DOWN", "BROKER")


@pytest.mark.parametrize(
    "classes", [(META,), (Verification, Printer), (Printer, META)], ids=["Meta", "Printer", "both"]
)
@pytest.mark.parametrize("status", [statuses.SUCCESS, statuses.PROCESSING_FAILURE])
def test_each_change_is_told_once(site: ScpSite, classes: tuple[str, ...], status: int) -> None:
    """With its info where there is one, on whichever context the Printer was negotiated; what the
    modality answers changes nothing, and its own requests are answered between."""
    with console(site, *classes, status=status) as modality:
        site.pool = KEPT
        modality.wait_for(QUEUED)
        asked, _ = modality.assoc.send_n_get(
            [0x21100010],
            Printer,
            PrinterInstance,
            meta_uid=(META if META in classes and Printer not in classes else None),
        )
        assert asked.Status == statuses.SUCCESS
        site.pool = BROKEN
        modality.wait_for(QUEUED, DOWN)
        site.pool = NORMAL
        modality.wait_for(QUEUED, DOWN, NORMALLY)


def test_a_modality_hears_of_changes_alone(site: ScpSite) -> None:
    """Not of what was so before it came; nor where it has not negotiated the Printer."""
    site.pool = KEPT
    with console(site, META) as first, console(site, Verification) as deaf:
        site.pool = NORMAL
        first.wait_for(NORMALLY)
        with console(site, META) as second:
            site.pool = KEPT
            first.wait_for(NORMALLY, QUEUED)
            second.wait_for(QUEUED)
        deaf.wait_for()


def test_an_open_film_session_does_not_hear_that_there_is_no_room_for_others(
    site: ScpSite,
) -> None:
    """It may print on, as N-GET tells it, too; once it is deleted the modality hears of it."""
    with console(site, META) as other, console(site, META) as printing:
        made, _ = printing.assoc.send_n_create(None, BasicFilmSession, "1.2.3", meta_uid=META)
        assert made.Status == statuses.SUCCESS
        site.pool = FULL
        full = (3, "PRINT BUFF FULL", "BROKER")
        other.wait_for(full)
        to_report = site.scps[1].to_report
        assert to_report is not None
        assert to_report() is None
        gone = printing.assoc.send_n_delete(BasicFilmSession, "1.2.3", meta_uid=META)
        assert gone.Status == statuses.SUCCESS
        printing.wait_for(full)


def test_where_the_site_does_not_want_it_nothing_is_reported(site: ScpSite) -> None:
    """No association is even looked at."""
    site.pool = None
    made = Console(site.port, META)
    made.assoc.release()
    site.wait_for_endings(1)
    assert [scp.to_report for scp in site.scps] == [None]
