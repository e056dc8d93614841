"""A Print SCP with real storage behind it, for peers to talk to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from broker.dicom.scp.allowance import Allowance, Holdings, Turns
from broker.dicom.scp.open_film import OpenImageBox
from broker.dicom.scp.print_scp import PrintScp
from broker.dicom.scp.received_dataset import TakesPixels
from broker.dicom.uids import OFFERED, SYNTAXES_TAKEN, VERIFICATION
from broker.dicom.upper_layer.acceptor import Acceptor, AcceptorSettings
from broker.dicom.upper_layer.association import AcceptedAssociation
from broker.dicom.upper_layer.association_service import Ending
from broker.dicom.upper_layer.negotiation import Offer
from broker.model.films.film import Attributes
from broker.model.printers.printer import NORMAL, PoolStatus
from broker.model.storage.disk import Room
from broker.relay.intake import Intake, QueueLimits, Quota
from broker.spool.files import Spool
from broker.store import schema
from broker.store.database import Database
from broker.store.printers import Printers
from broker.store.queue.jobs import Jobs
from broker.store.reading.duplicates import Rule
from tests.peers.speaker import Speaker


class WatchedScp(PrintScp):
    """Tells the site when an upload begins, and when an association has ended."""

    site: ScpSite

    def begin_upload(self, box: OpenImageBox, size: int) -> TakesPixels[Any]:
        """Begin, then tell."""
        try:
            return super().begin_upload(box, size)
        finally:
            with self.site.changed:
                self.site.begun += 1
                self.site.changed.notify_all()

    def closed(self, ending: Ending) -> None:
        """Close, then tell."""
        super().closed(ending)
        with self.site.changed:
            self.site.endings.append(ending)
            self.site.changed.notify_all()


@dataclass
class ScpSite:
    """A Print SCP that listens, and what it stores films in; without any printer."""

    port: int
    jobs: Jobs
    printers: Printers
    spool: Spool
    folder: Path
    notes: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)
    begun: int = 0
    """Uploads that have begun."""
    allowance: Allowance = field(default_factory=Allowance)
    """Of associations that are opened from now on."""
    turns: Turns = field(default_factory=Turns)
    """Of associations that are opened from now on."""
    strict: bool = True
    """Whether associations that are opened from now on must keep to the standard in all."""
    pool: PoolStatus | None = None
    """What associations are told without asking that are opened while it is something."""
    image_boxes: Callable[[Attributes, Attributes], int] | None = None
    """What associations that are opened from now on ask for those of printers' own formats."""
    most: int = 1000
    """Jobs of one AE title at an address that may wait."""
    most_bytes: int = 0
    """Of their pixels, and of what associations hold; 0: as much as is free."""
    free: int = 1 << 40
    """Bytes of the disk."""
    scps: list[PrintScp] = field(default_factory=list)
    """One for each association."""
    changed: threading.Condition = field(default_factory=threading.Condition)

    def wait_for_endings(self, number: int) -> None:
        """Wait until `number` associations have ended and hold nothing any more."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.endings) >= number, timeout=10)

    def wait_for_uploads(self, number: int) -> None:
        """Wait until `number` uploads have begun."""
        with self.changed:
            there = self.changed.wait_for(lambda: self.begun >= number, timeout=10)
        assert there

    def unkept(self) -> list[Path]:
        """Files of pixels that were received and are neither kept nor removed yet."""
        return list((self.folder / "spool" / "incoming").iterdir())

    @property
    def faults(self) -> list[Mapping[str, object]]:
        """Exceptions that reached the transport: there must be none."""
        return [facts for event, facts in self.notes if event == "fault"]


@pytest.fixture
def places() -> Mapping[str, Any]:
    """What a test wants of AcceptorSettings."""
    return {}


@pytest.fixture
def site(tmp_path: Path, places: Mapping[str, Any]) -> Iterator[ScpSite]:
    """A site that accepts films for BROKER; no exception may reach its log."""
    database = Database.open(f"sqlite:///{tmp_path}/broker.db")
    schema.upgrade(database)
    jobs, printers = Jobs(database, lambda: 1000.0), Printers(database, lambda: 1000.0)
    spool = Spool(tmp_path / "spool")
    made = ScpSite(0, jobs, printers, spool, tmp_path)

    def note(event: str, facts: Mapping[str, object]) -> None:
        made.notes.append((event, facts))

    holdings = Holdings()
    intake = Intake(
        jobs.submission,
        jobs.references,
        printers,
        spool,
        room=lambda: Room(free=made.free, floor=0),
        rule=Rule,
        quota=Quota(
            jobs.queries,
            lambda: QueueLimits(made.most, 10 * made.most, made.most_bytes),
            time.monotonic,
            held=holdings,
        ),
        wake=lambda: None,
        note=note,
    )

    def serve(association: AcceptedAssociation) -> PrintScp:
        scp = WatchedScp(
            association,
            intake,
            note,
            strict=made.strict,
            image_boxes=made.image_boxes,
            allowance=made.allowance,
            holdings=holdings,
            turns=made.turns,
            pool=None if made.pool is None else lambda: made.pool or NORMAL,
        )
        scp.site = made
        made.scps.append(scp)
        return scp

    offers = [Offer(each, SYNTAXES_TAKEN) for each in (VERIFICATION, *OFFERED)]
    acceptor = Acceptor(
        AcceptorSettings(host="127.0.0.1", port=0, **{"called": {"BROKER"}, **places}),
        lambda: offers,
        serve,
        on_event=note,
    )
    acceptor.start()
    made.port = acceptor.port
    yield made
    acceptor.stop(0)
    database.close()
    assert made.faults == []
    assert holdings.of_address("127.0.0.1") == 0, "however an association ended, it holds nothing"


@pytest.fixture
def speak(site: ScpSite) -> Iterator[Callable[..., Speaker]]:
    """Opens associations with the site; all are over at the end of the test."""
    opened: list[Speaker] = []

    def open_one(**options: object) -> Speaker:
        opened.append(Speaker(site.port, **options))  # type: ignore[arg-type]
        return opened[-1]

    yield open_one
    for speaker in opened:
        speaker.abort()
