"""Data sets as plain data, and their bytes in each transfer syntax, without the broker's code."""

from __future__ import annotations

from typing import NamedTuple

from broker.dicom.upper_layer.dataset_reader import IMPLICIT_LE
from tests.peers.coming_dataset import UNDEFINED, element, item, sequence


class Node(NamedTuple):
    """One element of a data set."""

    tag: int
    vr: str
    """As it is sent in Explicit VR."""
    value: bytes | list[list[Node]]
    """In little endian; or the items of a sequence, each a data set."""


Tree = list[Node]


def encoded(tree: Tree, syntax: str, *, delimited: bool) -> bytes:
    """It in a transfer syntax; what is UN stays in Implicit VR Little Endian (PS3.5 6.2.2)."""
    made = b""
    for tag, vr, value in tree:
        if isinstance(value, bytes):
            made += element(syntax, tag, vr, value)
            continue
        inside = IMPLICIT_LE if vr == "UN" else syntax
        items = [
            item(encoded(each, inside, delimited=delimited), inside, delimited=delimited)
            for each in value
        ]
        whole = sequence(inside, tag, items, delimited=delimited)
        if vr == "UN":
            # Behind the header, it is as in Implicit VR.
            whole = element(syntax, tag, vr, whole[8:], UNDEFINED if delimited else None)
        made += whole
    return made
