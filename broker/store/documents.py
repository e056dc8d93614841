"""Films and attributes as JSON text: what is read back equals what was written, byte for byte."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from broker.model.film import Attributes, Film, Image, ImageBox, PresentationLut


def film_to_json(film: Film) -> str:
    """A film with everything on it; its pixels stay in the spool, under their names."""
    return _text(_film(film))


def digest_of(film: Film) -> str:
    """SHA-256, in hex, of all that is seen on the film: equal films have equal digests."""
    text = json.dumps(_film(film), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def digest_of_job(session: str, level: str, copies: int) -> str:
    """SHA-256, in hex, of what was asked for beside the films; `session` as it is written."""
    return hashlib.sha256(f"{level} {copies} {session}".encode()).hexdigest()


def film_from_json(text: str) -> Film:
    """The film that `film_to_json` wrote."""
    document = json.loads(text)
    return Film(
        attributes=_attributes_of(document["attributes"]),
        image_boxes=tuple(_image_box_of(box) for box in document["image_boxes"]),
        lut=_lut_of(document["lut"]),
    )


def attributes_to_json(attributes: Attributes) -> str:
    """Attributes, in the order in which they came."""
    return _text(_attributes(attributes))


def attributes_from_json(text: str) -> Attributes:
    """The attributes that `attributes_to_json` wrote."""
    return _attributes_of(json.loads(text))


def _text(document: Mapping[str, object]) -> str:
    return json.dumps(document, separators=(",", ":"))


def _film(film: Film) -> dict[str, object]:
    return {
        "attributes": _attributes(film.attributes),
        "image_boxes": [_image_box(box) for box in film.image_boxes],
        "lut": _lut(film.lut),
    }


def _attributes(attributes: Attributes) -> dict[str, list[str]]:
    return {keyword: list(values) for keyword, values in attributes.items()}


def _attributes_of(document: dict[str, list[str]]) -> Attributes:
    return {keyword: tuple(values) for keyword, values in document.items()}


def _image_box(box: ImageBox) -> dict[str, object]:
    return {
        "position": box.position,
        "attributes": _attributes(box.attributes),
        "image": None if box.image is None else _image(box.image),
        "lut": _lut(box.lut),
    }


def _image_box_of(document: dict[str, Any]) -> ImageBox:
    image = document["image"]
    return ImageBox(
        position=document["position"],
        attributes=_attributes_of(document["attributes"]),
        image=None if image is None else _image_of(image),
        lut=_lut_of(document["lut"]),
    )


def _image(image: Image) -> dict[str, object]:
    return {
        "pixels": image.pixels,
        "length": image.length,
        "rows": image.rows,
        "columns": image.columns,
        "bits_allocated": image.bits_allocated,
        "bits_stored": image.bits_stored,
        "photometric": image.photometric,
        "samples": image.samples,
        "aspect_ratio": list(image.aspect_ratio),
    }


def _image_of(document: dict[str, Any]) -> Image:
    return Image(**{**document, "aspect_ratio": tuple(document["aspect_ratio"])})


def _lut(lut: PresentationLut | None) -> dict[str, object] | None:
    if lut is None:
        return None
    return {
        "shape": lut.shape,
        "descriptor": lut.descriptor,
        "table": base64.b64encode(lut.table).decode("ascii"),
    }


def _lut_of(document: dict[str, Any] | None) -> PresentationLut | None:
    if document is None:
        return None
    descriptor = document["descriptor"]
    return PresentationLut(
        shape=document["shape"],
        descriptor=None if descriptor is None else tuple(descriptor),
        table=base64.b64decode(document["table"], validate=True),
    )
