"""A modality on pynetdicom, written the way its documentation shows."""

from __future__ import annotations

import time
from collections.abc import Mapping

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE

from broker.dicom.uids import FILM_BOX, FILM_SESSION, GRAYSCALE_IMAGE_BOX, GRAYSCALE_META
from tests.peers.speaker import dataset, reference


class AnswerLost(RuntimeError):
    """No answer came in time. The library's own threads lose some: see `answers_lost`."""


def print_film(port: int, called_ae: str, image: Mapping[str, object]) -> tuple[float, float]:
    """Print a film of one image, given as its module's elements, on an association of its own.

    Seconds from association to release, and of N-ACTION. RuntimeError when it is not taken,
    AnswerLost when it is not known.
    """
    ae = AE("PLAIN")
    ae.add_requested_context(GRAYSCALE_META)
    session, film = str(generate_uid()), str(generate_uid())
    began = time.perf_counter()
    association = ae.associate("127.0.0.1", port, ae_title=called_ae)
    if not association.is_established:
        raise RuntimeError(f"{called_ae}: no association")

    def done(step: str, status: Dataset) -> None:
        if "Status" not in status:
            association.abort()
            raise AnswerLost(f"{called_ae}: {step} was not answered")
        if status.Status != 0x0000:
            association.abort()
            raise RuntimeError(f"{called_ae}: {step} answered {status}")

    status, _ = association.send_n_create(
        dataset(NumberOfCopies="1"), FILM_SESSION, session, meta_uid=GRAYSCALE_META
    )
    done("N-CREATE film session", status)
    asked = dataset(
        ImageDisplayFormat=r"STANDARD\1,1",
        FilmSizeID="14INX17IN",
        ReferencedFilmSessionSequence=[reference(FILM_SESSION, session)],
    )
    status, created = association.send_n_create(asked, FILM_BOX, film, meta_uid=GRAYSCALE_META)
    done("N-CREATE film box", status)
    assert created is not None
    box = created.ReferencedImageBoxSequence[0].ReferencedSOPInstanceUID
    placed = dataset(ImageBoxPosition=1, BasicGrayscaleImageSequence=[dataset(**image)])
    status, _ = association.send_n_set(placed, GRAYSCALE_IMAGE_BOX, box, meta_uid=GRAYSCALE_META)
    done("N-SET image box", status)
    asking = time.perf_counter()
    status, _ = association.send_n_action(None, 1, FILM_BOX, film, meta_uid=GRAYSCALE_META)
    action = time.perf_counter() - asking
    done("N-ACTION", status)
    done("N-DELETE", association.send_n_delete(FILM_BOX, film, meta_uid=GRAYSCALE_META))
    done("N-DELETE", association.send_n_delete(FILM_SESSION, session, meta_uid=GRAYSCALE_META))
    association.release()
    return time.perf_counter() - began, action
