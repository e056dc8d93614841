"""What hostile and broken peers do, and what they must be answered: plain data.

The peers themselves are in hostile_bytes, hostile_messages, hostile_films and hostile_crowds.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset

from broker.dicom.statuses import words
from broker.dicom.uids import (
    EXPLICIT_LITTLE,
    GRAYSCALE_META,
    IMPLICIT_LITTLE,
    PRESENTATION_LUT,
    VERIFICATION,
)
from broker.dicom.upper_layer.command_set import Command, CommandSet, command_bytes, command_of
from broker.dicom.upper_layer.dataset import decode_dataset, encode_dataset
from broker.dicom.upper_layer.negotiation import Offer
from tests.peers.hostile_site import Site
from tests.peers.raw import PATIENCE_S, Raw

SOURCE = "127.0.0.2"
"""Where hostile peers come from; the other modality prints from 127.0.0.1."""
OFFERS = tuple(
    Offer(each, (EXPLICIT_LITTLE, IMPLICIT_LITTLE))
    for each in (VERIFICATION, GRAYSCALE_META, PRESENTATION_LUT)
)
ECHO, PRINT, LUT = 1, 3, 5
"""Presentation contexts, in the order of OFFERS."""

NOTHING = "nothing"
CUT = "cut"
ABORT = "A-ABORT, provider: "
UNSPECIFIED = ABORT + "not specified"
UNRECOGNIZED = ABORT + "unrecognized PDU"
UNEXPECTED = ABORT + "unexpected PDU"
UNEXPECTED_PARAMETER = ABORT + "unexpected parameter"
INVALID = ABORT + "invalid parameter"
LOCAL_LIMIT = "A-ASSOCIATE-RJ: transient, presentation, local limit exceeded"

_BIND_ADDRESS_NO_PORT = 24
"""IP_BIND_ADDRESS_NO_PORT of Linux."""
_ABORTS = {
    0: UNSPECIFIED,
    1: UNRECOGNIZED,
    2: UNEXPECTED,
    5: UNEXPECTED_PARAMETER,
    6: INVALID,
}


@dataclass(frozen=True)
class Answered:
    """What a hostile peer was answered in the end."""

    words: str
    seconds: float
    """From the last thing that it did, or left undone, to the answer."""


@dataclass(frozen=True)
class Case:
    """One way to be hostile."""

    name: str
    play: Callable[[Site], Answered]
    answer: str
    within_s: float = 1.0
    kind: str = ""
    """Of the refusal in the log."""


class TurnedAway(Exception):
    """There is no association; its words are the answer."""


class Hostile(Raw):
    """A peer that knows DICOM well enough to break it."""

    @classmethod
    def call(cls, site: Site, source: str = SOURCE, *, receive_buffer: int = 0) -> Hostile:
        """Connect to the broker from an address of this machine."""
        sock = socket.socket()
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(PATIENCE_S)
        # The port is chosen when it connects: one that another connection left may serve again.
        sock.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
        sock.bind((source, 0))
        sock.connect(("127.0.0.1", site.port))
        return cls(sock)

    @classmethod
    def associated(cls, site: Site, source: str = SOURCE, *, receive_buffer: int = 0) -> Hostile:
        """The same, with an association."""
        peer = cls.call(site, source, receive_buffer=receive_buffer)
        answer = peer.associate(*OFFERS)
        if answer[:1] != b"\x02":
            peer.sock.close()
            raise TurnedAway(said(answer))
        return peer

    def __enter__(self) -> Hostile:
        return self

    def last_word(self, since: float) -> Answered:
        """What the broker says last before it closes, reading over what it says before."""
        last = b""
        while (pdu := self._next()) and len(pdu) >= 10:
            last = pdu
            if pdu[0] in (3, 7):
                break
        return Answered(said(last), time.monotonic() - since)

    def reply(self) -> tuple[str, CommandSet]:
        """The status that comes next, and the data set behind it, empty when there is none."""
        answer = self.hear()
        data = self._fragments() if answer.has_dataset else b""
        return words(answer.Status), decode_dataset(data, EXPLICIT_LITTLE)

    def message(self) -> bytes:
        """The command set that comes next, as bytes; its data set is read over.

        Quickly: whether there is one is told by its Data Set Type, which comes before the Status.
        """
        command = self.pdu()[12:]
        at = command.index(b"\x00\x00\x00\x08\x02\x00\x00\x00") + 8
        if command[at : at + 2] != b"\x01\x01":
            self._fragments()
        return command

    def _fragments(self) -> bytes:
        data, last = b"", False
        while not last:
            pdu = self.pdu()
            data += pdu[12:]
            last = bool(pdu[11] & 0x02)
        return data

    def ask(
        self, command: Command, sop_class: str, uid: str, dataset: Dataset | None = None
    ) -> str:
        """A request on the context of its class, and the status that it is answered with."""
        self.request(command, sop_class, uid, dataset)
        return self.reply()[0]

    def request(
        self, command: Command, sop_class: str, uid: str, dataset: Dataset | None = None
    ) -> None:
        """A request, whose answer is not waited for."""
        who = "Affected" if command == Command.N_CREATE else "Requested"
        elements = {
            f"{who}SOPClassUID": sop_class,
            "CommandField": command,
            "MessageID": 1,
            f"{who}SOPInstanceUID": uid,
            "ActionTypeID": 1 if command == Command.N_ACTION else None,
        }
        context = LUT if sop_class == PRESENTATION_LUT else PRINT
        self.say(context, elements, encoded(dataset) if dataset is not None else b"")

    def _next(self) -> bytes:
        try:
            return self.pdu()
        except ConnectionResetError:
            return b""


def first(data: bytes) -> Callable[[Site], Answered]:
    """Say this first on a connection, and hear how that ends."""
    return lambda site: _last_word(Hostile.call(site), data)


def later(*pdus: bytes) -> Callable[[Site], Answered]:
    """Say these on an association, and hear how that ends."""
    return lambda site: _last_word(Hostile.associated(site), *pdus)


def _last_word(opened: Hostile, *said: bytes) -> Answered:
    with opened as peer:
        since = time.monotonic()
        for each in said:
            peer.send(each)
        return peer.last_word(since)


def command(elements: Mapping[str, Any], *, with_dataset: bool = False) -> bytes:
    """A command set as it goes over the wire."""
    return command_bytes(command_of(elements), with_dataset=with_dataset)


def encoded(dataset: Dataset) -> bytes:
    """A data set as it goes over an association of OFFERS."""
    return b"".join(encode_dataset(dataset, EXPLICIT_LITTLE))


def said(pdu: bytes) -> str:
    """A PDU that ends an association, or refuses one, in words."""
    if not pdu:
        return CUT
    if pdu[0] == 3:
        result = {1: "permanent", 2: "transient"}[pdu[7]]
        if (pdu[8], pdu[9]) == (3, 2):
            return f"A-ASSOCIATE-RJ: {result}, presentation, local limit exceeded"
        return f"A-ASSOCIATE-RJ: {result}, source {pdu[8]}, reason {pdu[9]}"
    if pdu[0] == 7:
        return _ABORTS[pdu[9]] if pdu[8] == 2 else "A-ABORT, user"
    return f"PDU of type {pdu[0]}"
