"""Peers that are many: connections and associations opened and left, or opened without end."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress

from broker.dicom import statuses
from broker.dicom.statuses import words
from broker.dicom.uids import PRESENTATION_LUT
from broker.model.peers.refusal import Refusal
from tests.peers.hostile import (
    CUT,
    LOCAL_LIMIT,
    NOTHING,
    OFFERS,
    UNSPECIFIED,
    Answered,
    Case,
    Hostile,
    TurnedAway,
    said,
)
from tests.peers.hostile_bytes import BY_ESTABLISH_S, BY_MESSAGE_S, GARBAGE, proposal
from tests.peers.hostile_films import create, delete, lut
from tests.peers.hostile_site import ASSOCIATIONS, MESSAGE_S, OF_ONE, Site
from tests.peers.raw import ABORT
from tests.peers.speaker import Speaker

CONNECTIONS = int(os.environ.get("BROKER_HOSTILE_CONNECTIONS", "3000"))
SILENT = 300
LOOPS = 300
PROPOSALS = 1000
SOURCES = tuple(f"127.0.0.{number}" for number in range(2, 6))
"""As many addresses as it takes to fill the broker."""


def connections(
    number: int, data: bytes = b"", *, reset: bool = False
) -> Callable[[Site], Answered]:
    """Connect, say so much, close, connect again, and never wait for an answer."""

    def play(site: Site) -> Answered:
        since = time.monotonic()
        for each in range(number):
            peer = Hostile.call(site, SOURCES[each % len(SOURCES)])
            with suppress(OSError):  # cut already
                peer.send(data)
            if reset:
                peer.reset()
            else:
                peer.sock.close()
        return Answered(NOTHING, (time.monotonic() - since) / number)

    return play


def proposing(site: Site) -> Answered:
    """A flood of whole A-ASSOCIATE-RQs, from connections that are closed at once."""
    since = time.monotonic()
    for _ in range(PROPOSALS):
        with Hostile.call(site) as peer, suppress(OSError):
            peer.send(proposal())
    return Answered(NOTHING, (time.monotonic() - since) / PROPOSALS)


def silent(data: bytes) -> Callable[[Site], Answered]:
    """Hundreds of connections, all open, that say so much and then nothing."""

    def play(site: Site) -> Answered:
        with ExitStack() as stack:
            peers = []
            since = time.monotonic()
            for number in range(SILENT):
                source = SOURCES[number % len(SOURCES)]
                peers.append(stack.enter_context(Hostile.call(site, source)))
                with suppress(OSError):  # cut already
                    peers[-1].send(data)
            return _all_ended(peers, since)

    return play


def _all_ended(peers: Sequence[Hostile], since: float) -> Answered:
    """When the last of them has been closed; words of the last that was not simply cut."""
    told = [each.last_word(since) for each in peers]
    assert told[0].words == CUT, "the oldest had to make room"
    return Answered(told[-1].words, max(each.seconds for each in told))


def left_by_one(site: Site) -> Answered:
    """More associations than one address may have, opened and left."""
    with ExitStack() as stack:
        for _ in range(OF_ONE):
            stack.enter_context(Hostile.associated(site))
        one_more = stack.enter_context(Hostile.call(site))
        since = time.monotonic()
        return Answered(said(one_more.associate(*OFFERS)), time.monotonic() - since)


def left_by_many(site: Site) -> Answered:
    """Associations from several addresses until the broker is full, opened and left.

    The other modality must get in all the same, so one of these is ended.
    """
    with ExitStack() as stack:
        peers: list[Hostile] = []
        while len(peers) < ASSOCIATIONS:
            with suppress(TurnedAway):  # full already, while the other modality is in
                source = SOURCES[len(peers) % len(SOURCES)]
                peers.append(stack.enter_context(Hostile.associated(site, source)))
        since = time.monotonic()
        ended = select.select([each.sock for each in peers], [], [], BY_MESSAGE_S)[0]
        first = next(each for each in peers if each.sock in ended)
        return first.last_word(since)


def aborting(site: Site) -> Answered:
    """Associate, abort and stay connected, again and again.

    Those that are still ending count: one address may be told that it has enough for now.
    """
    with ExitStack() as stack:
        since = time.monotonic()
        for _ in range(LOOPS):
            try:
                peer = stack.enter_context(Hostile.associated(site))
                peer.send(ABORT)
            except TurnedAway as exc:
                if str(exc) != LOCAL_LIMIT:
                    raise
        return Answered(NOTHING, (time.monotonic() - since) / LOOPS)


def never_reading(site: Site) -> Answered:
    """Requests with long answers, of which not a byte is read."""
    with Hostile.associated(site, receive_buffer=4096) as peer:
        request = create(PRESENTATION_LUT, lut(), "1.2.3.1") + delete(PRESENTATION_LUT, "1.2.3.1")

        def ask() -> None:
            with suppress(OSError):
                while True:
                    peer.send(request)

        asking = threading.Thread(target=ask)
        since = time.monotonic()
        asking.start()
        line = site.wait_for(lambda line: line.get("kind") == Refusal.NOT_READING)
        took = time.monotonic() - since
        peer.sock.close()
        asking.join()
        return Answered(str(line["event"]), took)


def descriptors(site: Site) -> Answered:
    """More connections than the broker has file descriptors for, but for its spare ones.

    A modality that has an association prints on: that is what is answered here.
    """
    with ExitStack() as stack:
        modality = Speaker(site.port)
        stack.callback(modality.release)
        stack.enter_context(site.few_descriptors(more=30))
        for _ in range(100):
            stack.enter_context(Hostile.call(site))
        site.wait_for(lambda line: line.get("kind") == Refusal.NO_DESCRIPTORS)
        since = time.monotonic()
        return Answered(words(modality.print_film()), time.monotonic() - since)


CASES = (
    Case(f"{CONNECTIONS:,} connections, each closed", connections(CONNECTIONS), NOTHING),
    Case(
        f"{CONNECTIONS:,} with garbage, each closed",
        connections(CONNECTIONS, GARBAGE[:100]),
        NOTHING,
    ),
    Case(
        f"{CONNECTIONS:,} with a quarter of a proposal",
        connections(CONNECTIONS, proposal()[:60]),
        NOTHING,
    ),
    Case("1,000 A-ASSOCIATE-RQs, each closed", proposing, NOTHING),
    Case("500 connections, each reset", connections(500, reset=True), NOTHING),
    Case("300 silent connections", silent(b""), CUT, BY_ESTABLISH_S, Refusal.PENDING_CUT),
    Case(
        "300 half A-ASSOCIATE-RQs",
        silent(proposal()[:100]),
        UNSPECIFIED,
        BY_ESTABLISH_S,
        Refusal.SLOW,
    ),
    Case(
        "33 associations left, one address",
        left_by_one,
        LOCAL_LIMIT,
        kind=Refusal.TOO_MANY_OF_ONE,
    ),
    Case(
        "128 associations left, 4 addresses",
        left_by_many,
        UNSPECIFIED,
        # Well before the broker would have cut it for its silence.
        MESSAGE_S / 2,
        Refusal.MADE_ROOM,
    ),
    Case("300 associations aborted, not closed", aborting, NOTHING),
    Case(
        "no file descriptors but 30",
        descriptors,
        words(statuses.SUCCESS),
        kind=Refusal.NO_DESCRIPTORS,
    ),
    Case("answers never read", never_reading, "association aborted", 15.0, Refusal.NOT_READING),
)
