"""Peers whose messages are not what they say: commands that lie about their data sets."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from contextlib import suppress

from broker.dicom import statuses
from broker.dicom.statuses import words
from broker.dicom.uids import VERIFICATION
from broker.dicom.upper_layer.command_set import Command
from broker.model.peers.refusal import Refusal
from tests.peers.hostile import (
    ECHO,
    INVALID,
    UNEXPECTED_PARAMETER,
    Answered,
    Case,
    Hostile,
    command,
    later,
)
from tests.peers.hostile_site import Site
from tests.peers.raw import data_pdu, echo

BROKEN = Refusal.BROKEN_PROTOCOL


def status(pdu: bytes) -> Callable[[Site], Answered]:
    """A PDU that is answered with a status, and the association lives on."""

    def play(site: Site) -> Answered:
        with Hostile.associated(site) as peer:
            since = time.monotonic()
            peer.send(pdu)
            answered = peer.reply()[0]
            took = time.monotonic() - since
            peer.say(ECHO, echo(9))
            assert peer.reply()[0] == words(statuses.SUCCESS)
            return Answered(answered, took)

    return play


def endless_command(site: Site) -> Answered:
    """A command set that goes on and on."""
    with Hostile.associated(site) as peer:
        since = time.monotonic()
        part = data_pdu(ECHO, 0x01, bytes(16000))
        with suppress(OSError):  # it is cut off, as it should be
            for _ in range(1000):
                peer.send(part)
        return peer.last_word(since)


def many_cancels(site: Site) -> Answered:
    """Thousands of messages that ask for nothing, then one that does."""
    with Hostile.associated(site) as peer:
        cancel = command({"CommandField": Command.C_CANCEL, "MessageIDBeingRespondedTo": 1})
        since = time.monotonic()
        peer.send(data_pdu(ECHO, 0x03, cancel) * 2000)
        peer.say(ECHO, echo(1))
        return Answered(peer.reply()[0], time.monotonic() - since)


PLAIN = command(echo(1))
WITH_DATA = command({**echo(1), "CommandField": Command.N_SET}, with_dataset=True)
NAMELESS = command({"AffectedSOPClassUID": VERIFICATION, "CommandField": Command.C_ECHO})
UNKNOWN = command({**echo(1), "CommandField": 0x0777})
WRONG_LENGTH = PLAIN[:8] + struct.pack("<I", 0xFFFFFF00) + PLAIN[12:]

CASES = (
    Case(
        "no data set announced, and one sent",
        later(data_pdu(ECHO, 0x03, PLAIN), data_pdu(ECHO, 0x02, bytes(100))),
        UNEXPECTED_PARAMETER,
        kind=BROKEN,
    ),
    Case(
        "data set announced, and none sent",
        later(data_pdu(ECHO, 0x03, WITH_DATA), data_pdu(ECHO, 0x03, PLAIN)),
        UNEXPECTED_PARAMETER,
        kind=BROKEN,
    ),
    Case(
        "unknown Command Field",
        status(data_pdu(ECHO, 0x03, UNKNOWN)),
        words(statuses.UNRECOGNIZED_OPERATION),
    ),
    Case("wrong group length", status(data_pdu(ECHO, 0x03, WRONG_LENGTH)), words(statuses.SUCCESS)),
    Case("no Message ID", later(data_pdu(ECHO, 0x03, NAMELESS)), INVALID, kind=BROKEN),
    Case("command set of 16 MB", endless_command, INVALID, kind=BROKEN),
    Case("2,000 C-CANCELs", many_cancels, words(statuses.SUCCESS), 2.0),
)
