"""Why a peer was refused, rejected or aborted, as short stable words to count by."""

from __future__ import annotations

from enum import StrEnum


class Refusal(StrEnum):
    """The kind of a refusal. Stable: they are counted by it, across versions."""

    # Before an association
    NOT_DICOM = "not DICOM"
    """What came first was no A-ASSOCIATE-RQ that could be read."""
    SILENT = "silent"
    """Connected, and sent nothing until its time was over."""
    BROKEN_OFF = "broken off"
    """Closed or reset within its A-ASSOCIATE-RQ."""
    TLS_FAILED = "TLS failed"
    """No handshake: it speaks no TLS, or one of the two does not accept the other's certificate."""
    PENDING_CUT = "stranger cut"
    """Too many connections without an association: the oldest was cut."""
    NO_DESCRIPTORS = "no file descriptors"
    """The last ones are kept for running associations."""

    # A-ASSOCIATE-RJ
    CALLED_AE = "called AE"
    CALLING_AE = "calling AE"
    """Blank, or with a control character: no Application Entity is called so."""
    APPLICATION_CONTEXT = "application context"
    PROTOCOL_VERSION = "protocol version"
    TOO_MANY = "too many associations"
    TOO_MANY_OF_ONE = "too many of one address"
    NO_CONTEXT = "no presentation context"
    """The association was accepted, and of what it proposed no class with images; or nothing at
    all, though it did not only propose to check or to ask."""
    TURNED_AWAY = "turned away"
    """Stopping, or the service could not take it."""

    # A-ABORT by us
    SLOW = "slow"
    """A PDU or a message was not completed in its time."""
    IDLE = "idle"
    """An association without any request for too long."""
    MADE_ROOM = "idle, made room"
    """All places were taken, and this one was not used."""
    PDU_TOO_LONG = "PDU too long"
    BROKEN_PROTOCOL = "broken protocol"
    NOT_READING = "takes no answers"

    # A request refused
    WRONG_REQUEST = "wrong request"
    """A status that names what is wrong with it: a value, an attribute, an instance."""

    BESIDE_PRINTING = "wrong status or delete request"
    """The same for C-ECHO, N-GET and N-DELETE: no film is missing for it."""

    FAULT = "fault of the broker"
    """Status 0x0110: an exception, whose traceback the log has."""

    NO_PRINTER = "no printer takes it"
    """Every printer was seen to refuse it: `retry.on_impossible`."""

    NOT_ASKED = "no printer could be asked"
    """Status 0x0110 for a film box whose format each printer makes by itself: none that was seen
    to make it said how many image boxes it has, and none could be asked."""

    PRINTERS_BUSY = "printers were busy"
    """The same, where those that may make it had no time to say so."""

    NONE_CONFIGURED = "no printers configured"
    """Status 0x0213 for a new film session, 0xC601 or 0xC602 in one that was open before."""

    # A request refused because there is no room
    DATA_SET_TOO_LARGE = "data set too large"
    TOO_MUCH = "too much in one association"
    """Status 0x0213: film boxes, image boxes, LUTs or pixels."""
    DISK_NEARLY_FULL = "disk nearly full"
    """Status 0x0213 for a new film session, before the disk is full."""
    QUEUE_FULL = "queue full"
    """Status 0x0213, 0xC601, 0xC602 or 0xC605: one AE title at an address, one address, or all
    together have too much that is not finished."""
    IMAGE_NOT_STORED = "image not stored"
    """Status 0xC605."""
    FILM_NOT_STORED = "film not stored"
    """Status 0xC601 or 0xC602; 0x0213 for a new film session, where it is known before."""


QUIET = frozenset(
    {
        Refusal.SILENT,
        Refusal.IDLE,
        Refusal.MADE_ROOM,
        Refusal.BROKEN_OFF,
        Refusal.NOT_DICOM,
        Refusal.BESIDE_PRINTING,
    }
)
"""What port scanners and checks of balancers meet, associations that are not used, and requests
that print nothing: no film is missing for it."""


def concerns_printing(kind: str, *, known: bool) -> bool:
    """Whether a film may be missing for a refusal of that kind; `known`: whether its caller has
    printed before. One that has and speaks no DICOM now may have been set to the wrong port."""
    return kind not in QUIET or (known and kind == Refusal.NOT_DICOM)
