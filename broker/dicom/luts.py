"""Presentation LUTs, in and out (PS3.3 C.11.6, PS3.4 H.4.9)."""

from __future__ import annotations

import struct
from dataclasses import replace

from pydicom.dataset import Dataset

from broker.dicom import attributes, statuses
from broker.dicom.other_elements import others, relay
from broker.dicom.statuses import Fault
from broker.dicom.tolerance import Tolerate, Tolerated, refuse
from broker.model.films.film import PresentationLut

_SHAPES = ("IDENTITY", "LIN OD")
LONGEST_OTHERS = 4 << 10
"""Bytes of the elements of one that print does not name: a film may have a LUT for each image."""
_OF_LUT = frozenset(map(attributes.tag, ("PresentationLUTShape", "PresentationLUTSequence")))
_OF_TABLE = frozenset(map(attributes.tag, ("LUTDescriptor", "LUTData")))


def read(dataset: Dataset, tolerate: Tolerate = refuse) -> PresentationLut:
    """What an N-CREATE of the Presentation LUT class asks for.

    Raises: Fault: 0x0120 when it has neither shape nor table, 0x0106 when it has both or something
    that is neither allowed (PS3.4 H.4.9.2.1) nor tolerated.
    """
    shape = attributes.values(dataset, "PresentationLUTShape")
    tables = attributes.items(dataset, "PresentationLUTSequence")
    if shape and tables:
        raise attributes.invalid("PresentationLUTShape", "stands beside a table")
    if shape:
        if shape[0] not in _SHAPES:
            raise attributes.invalid("PresentationLUTShape", "is neither IDENTITY nor LIN OD")
        return PresentationLut(shape=shape[0])
    if not tables:
        raise Fault(
            statuses.MISSING_ATTRIBUTE,
            "neither a shape nor a table",
            [attributes.tag("PresentationLUTShape")],
        )
    if len(tables) != 1:
        raise attributes.invalid("PresentationLUTSequence", "has more than one item")
    return _table(tables[0], tolerate)


def _table(item: Dataset, tolerate: Tolerate) -> PresentationLut:
    descriptor = attributes.raw(item, "LUTDescriptor") or b""
    if len(descriptor) != 6:
        raise attributes.invalid("LUTDescriptor", "has not three values")
    entries, lowest, bits = struct.unpack("<HHH", descriptor)
    table = attributes.raw(item, "LUTData") or b""
    lut = PresentationLut(descriptor=(entries, lowest, bits), table=table)
    if entries not in (256, 4096) or lowest != 0 or not 10 <= bits <= 16:
        fault = attributes.invalid("LUTDescriptor", "is not 256 or 4096, 0, 10 to 16")
        if not 8 <= bits <= 16:
            raise fault
        tolerate(Tolerated.LUT_FORM, fault)
    if len(table) != 2 * lut.entries:
        fault = attributes.invalid("LUTData", f"has {len(table)} bytes for {lut.entries} entries")
        if bits > 8 or len(table) not in (lut.entries, lut.entries + lut.entries % 2):
            raise fault
        tolerate(Tolerated.LUT_FORM, fault)
    return lut


def with_others(lut: PresentationLut, dataset: Dataset) -> tuple[PresentationLut, tuple[str, ...]]:
    """The LUT that was read from a data set, with the elements that print does not name; and the
    names of those that cannot be relayed."""
    more, left_out = others(dataset, _OF_LUT, b"", LONGEST_OTHERS)
    table_more = b""
    if lut.descriptor is not None:
        items = attributes.items(dataset, "PresentationLUTSequence")
        assert items is not None
        room = LONGEST_OTHERS - len(more)
        table_more, of_table = others(items[0], _OF_TABLE, b"", room)
        left_out = (*left_out, *of_table)
    return replace(lut, more=more, table_more=table_more), left_out


def write(lut: PresentationLut) -> Dataset:
    """The data set that creates the same LUT somewhere else."""
    dataset = Dataset()
    relay(lut.more, dataset)
    if lut.descriptor is None:
        attributes.put(dataset, "PresentationLUTShape", (lut.shape,))
        return dataset
    item = Dataset()
    relay(lut.table_more, item)
    attributes.put_raw(item, "LUTDescriptor", "US", struct.pack("<HHH", *lut.descriptor))
    attributes.put_raw(item, "LUTData", "OW", lut.table)
    attributes.put_items(dataset, "PresentationLUTSequence", [item])
    return dataset
