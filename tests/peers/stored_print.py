"""What dcmprscp kept of a film, as plain data that two printings can be compared by."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset

from broker.spool.stored import name_of


@dataclass(frozen=True)
class PrintedImage:
    """One image box of a film, its pixels included."""

    box: str
    """Its attributes, without UIDs."""
    rows: int
    columns: int
    bits: tuple[int, int, int]
    photometric: str
    aspect: str
    """Pixel Aspect Ratio; empty for square pixels."""
    pixels: str
    """Their name."""


@dataclass(frozen=True)
class StoredPrint:
    """One film; UIDs, dates and file names are left out, for they differ by nature."""

    display_format: str
    film_box: str
    """Its attributes, without UIDs."""
    luts: str
    images: tuple[PrintedImage, ...]
    """In the order of Image Box Position."""


def stored_prints(folder: Path) -> list[StoredPrint]:
    """What a dcmprscp that keeps its films in `folder`/database has printed, oldest first."""
    database = folder / "database"
    found = sorted(database.glob("SP_*.dcm"), key=lambda path: path.stat().st_mtime_ns)
    images: dict[str, Dataset] = {
        str(image.SOPInstanceUID): image
        for image in (dcmread(path, force=True) for path in database.glob("HG_*.dcm"))
    }
    return [_of(dcmread(path, force=True), images) for path in found]


def _of(stored: Dataset, images: dict[str, Dataset]) -> StoredPrint:
    (film_box,) = stored[0x2130, 0x0030].value
    boxes = sorted(stored[0x2130, 0x0040].value, key=lambda box: int(box.ImageBoxPosition))
    luts = stored.get((0x2130, 0x0080))
    return StoredPrint(
        display_format=str(film_box.ImageDisplayFormat),
        film_box=_text(film_box),
        luts="".join(_text(lut) for lut in luts.value) if luts is not None else "",
        images=tuple(_image(box, images) for box in boxes),
    )


def _image(box: Dataset, images: dict[str, Dataset]) -> PrintedImage:
    image = images[str(box.ReferencedImageSequence[0].ReferencedSOPInstanceUID)]
    return PrintedImage(
        box=_text(box),
        rows=int(image.Rows),
        columns=int(image.Columns),
        bits=(int(image.BitsAllocated), int(image.BitsStored), int(image.HighBit)),
        photometric=str(image.PhotometricInterpretation),
        aspect=str(image.get("PixelAspectRatio", "")),
        pixels=name_of(image.PixelData),
    )


def _text(dataset: Dataset) -> str:
    """The elements and values, in order, without what refers to something else."""
    lines = []
    for element in dataset:
        if element.keyword in ("SOPInstanceUID", "ReferencedImageSequence"):
            continue
        if element.keyword == "ReferencedPresentationLUTSequence":
            lines.append("with a Presentation LUT")
        elif element.VR == "SQ":
            lines.append(f"{element.keyword}: {[_text(item) for item in element.value]}")
        else:
            lines.append(f"{element.keyword}: {element.value!r}")
    return "\n".join(lines)
