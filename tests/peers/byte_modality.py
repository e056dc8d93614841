"""A modality that sends data sets as bytes, in one transfer syntax, and one film an association."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from broker.dicom.uids import (
    FILM_BOX,
    FILM_SESSION,
    GRAYSCALE_IMAGE_BOX,
    GRAYSCALE_META,
    PRESENTATION_LUT,
)
from broker.dicom.upper_layer.command_set import Command, command_bytes, command_of
from broker.dicom.upper_layer.negotiation import Offer
from tests.peers.encoded_tree import Node, Tree, encoded
from tests.peers.raw import RELEASE_RQ, Raw, data_pdu

FRAGMENT = 4093
"""Bytes of a data set in one PDU: odd, so that words are cut."""


class ByteModality:
    """One association. Instances are named by none of its requests: there is one of each class."""

    def __init__(self, port: int, syntax: str, *, delimited: bool = False) -> None:
        """`delimited` sequences and items have no length."""
        self.syntax = syntax
        self._delimited = delimited
        self._raw = Raw.connect(port)
        self._raw.associate(Offer(GRAYSCALE_META, (syntax,)), Offer(PRESENTATION_LUT, (syntax,)))

    def __enter__(self) -> ByteModality:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: object, __: TracebackType | None
    ) -> None:
        if kind is None:
            self._raw.send(RELEASE_RQ)
            self._raw.pdu()
        self._raw.sock.close()

    def create_session(self, made: Tree) -> Any:
        """N-CREATE of the film session; the command set of the answer."""
        return self._say(Command.N_CREATE, FILM_SESSION, made)

    def create_lut(self, made: Tree, uid: str) -> Any:
        """N-CREATE of a Presentation LUT."""
        named = {"AffectedSOPInstanceUID": uid}
        return self._say(Command.N_CREATE, PRESENTATION_LUT, made, context=3, **named)

    def set_session(self, made: Tree) -> Any:
        """N-SET of the film session."""
        return self._say(Command.N_SET, FILM_SESSION, made)

    def set_film_box(self, made: Tree) -> Any:
        """N-SET of the film box."""
        return self._say(Command.N_SET, FILM_BOX, made)

    def create_film_box(self, made: Tree) -> Any:
        """N-CREATE of a film box with one image box."""
        return self._say(Command.N_CREATE, FILM_BOX, made)

    def set_image_box(self, made: Tree) -> Any:
        """N-SET of that image box."""
        return self._say(Command.N_SET, GRAYSCALE_IMAGE_BOX, made)

    def print(self) -> Any:
        """N-ACTION on the film box."""
        return self._say(Command.N_ACTION, FILM_BOX, ActionTypeID=1)

    def _say(
        self,
        operation: Command,
        sop_class: str,
        made: Tree | None = None,
        *,
        context: int = 1,
        **more: Any,
    ) -> Any:
        asked = "Affected" if operation is Command.N_CREATE else "Requested"
        command = {"CommandField": operation, "MessageID": 1, f"{asked}SOPClassUID": sop_class}
        data = b"" if made is None else encoded(made, self.syntax, delimited=self._delimited)
        said = command_bytes(command_of({**command, **more}), with_dataset=bool(data))
        self._raw.send(data_pdu(context, 0x03, said))
        for at in range(0, len(data), FRAGMENT):
            last = 0x02 if at + FRAGMENT >= len(data) else 0x00
            self._raw.send(data_pdu(context, last, data[at : at + FRAGMENT]))
        return self._raw.hear_all()


def image_item(more: Tree, size: tuple[int, int] = (3, 5)) -> Tree:
    """An image of 12 bits with further elements, in the order of their tags."""
    rows, columns = size
    needed = [
        Node(0x00280002, "US", b"\1\0"),
        Node(0x00280004, "CS", b"MONOCHROME2 "),
        Node(0x00280010, "US", rows.to_bytes(2, "little")),
        Node(0x00280011, "US", columns.to_bytes(2, "little")),
        Node(0x00280100, "US", b"\x10\0"),
        Node(0x00280101, "US", b"\x0c\0"),
        Node(0x00280102, "US", b"\x0b\0"),
        Node(0x00280103, "US", b"\0\0"),
        Node(0x7FE00010, "OW", bytes(range(2 * rows * columns))),
    ]
    return sorted([*needed, *more])


NEEDED_OF_IMAGE = frozenset(each.tag for each in image_item([]))
