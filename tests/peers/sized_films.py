"""Films of one film session that are told apart by their sizes, and each by its own picture."""

from __future__ import annotations

from typing import Any

from broker.dicom import statuses
from broker.dicom.uids import FILM_BOX, FILM_SESSION
from tests.peers.speaker import Speaker, image_box, picture


def lay_out(ct: Speaker, *sizes: str) -> None:
    """A film box for each size in the film session that there is."""
    for number, size in enumerate(sizes):
        ct.open_film_box(FilmSizeID=size)
        ct.set_image(1, image_box(1, picture(PixelData=bytes([number] * 16))))


def print_film(ct: Speaker, size: str) -> None:
    """One film, by N-ACTION on its film box, on an association of its own."""
    ct.open_session()
    lay_out(ct, size)
    assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS
    ct.release()


def print_session(ct: Speaker, *sizes: str, **attributes: Any) -> None:
    """All of them by one N-ACTION on such a film session, on an association of its own."""
    ct.open_session(**attributes)
    lay_out(ct, *sizes)
    assert ct.action(FILM_SESSION, ct.session).status == statuses.SUCCESS
    ct.release()
