"""One job: its films as they will lie on the sheet, what was asked, sent and answered, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse

from broker.model.films.film import MILLIMETRES, Attributes, Film, ImageBox, PresentationLut
from broker.model.jobs.job import FilmState, Sending
from broker.operations.jobs.job_status import explanation, films_of, job_status
from broker.operations.opened import Store
from broker.operations.overview import OverviewState
from broker.operations.words.text import copies, count, moment, why_removed
from broker.web.auth.signin import Person, operator
from broker.web.pictures import Pictures
from broker.web.rendering.live_view import LiveView, follow
from broker.web.rendering.page import READ, Pages
from broker.web.rendering.rows import job_row, printer_rows

THUMBNAIL_PX, FULL_PX = 160, 1400
WIDEST_PX = 3400
SHOWN = 200
"""Films of one page."""
LONGEST_QUERY = 2000
"""Of the list that a person comes from."""
REGIONS = {
    "job": "job_state.html",
    "film-cards": "job_films.html",
    "attempts": "attempts.html",
    "commands": "recorded_commands.html",
}

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class FilmCard:
    """One film of a job."""

    number: int
    sent: Sequence[str]
    """What became of it, a sentence for each sending."""
    asked: Sequence[tuple[str, str]]
    """What the modality asked, by DICOM keyword."""


@router.api_route("/jobs/{job_id}", methods=READ, response_class=HTMLResponse)
def job_page(
    request: Request,
    job_id: int,
    who: Annotated[Person, Depends(operator)],
    first: Annotated[int, Query(ge=1)] = 1,
    back: Annotated[str, Query(max_length=LONGEST_QUERY)] = "",
) -> HTMLResponse:
    """The page of one job, for operators alone: it shows what the patient is called. Of its films
    those from the `first` on, as many as a page has room for.
    """
    from broker.dicom.characters import readable  # here: pydicom takes 30 MB

    store: Store = request.app.state.store
    version, seen = request.app.state.overview.current()
    context = {
        **_context(store, job_id, first, seen),
        "first": first,
        "back": back,
        "version": version,
        "session": in_words(readable(store.jobs.session(job_id))),
    }
    pages: Pages = request.app.state.pages
    return pages.page(request, "job.html", who, context)


@router.get("/jobs/{job_id}/events")
async def job_events(
    request: Request,
    job_id: int,
    who: Annotated[Person, Depends(operator)],
    first: Annotated[int, Query(ge=1)] = 1,
) -> StreamingResponse:
    """What follows on its page (server-sent events)."""

    def context(state: OverviewState) -> Mapping[str, object]:
        return _context(request.app.state.store, job_id, first, state)

    return follow(request, who, LiveView(("job", job_id, first), REGIONS, context))


def _context(store: Store, job_id: int, first: int, state: OverviewState) -> Mapping[str, object]:
    """What its regions are given."""
    job = store.jobs.get(job_id)
    found = job_status(store, job)
    films = films_of(store, job_id)
    cards = film_cards(films)
    return {
        "job": job,
        "row": job_row(found, state.at),
        "printers": printer_rows(state.printers, state.at, running=state.running),
        "sentences": explanation(store, job).page_sentences,
        "films_words": count(job.films, "film"),
        "copies_words": copies(job.copies),
        "films": cards[first - 1 : first - 1 + SHOWN],
        "pieces": pieces(len(cards), first),
        "attempts": store.jobs.attempts(job_id),
        "ending": "cut off" if found.cut_off else "running",
        "commands": store.command_log.of_job(job_id),
        "why_removed": why_removed(job),
        "film_sizes": tuple(MILLIMETRES),
        "thumbnail": THUMBNAIL_PX,
        "full": FULL_PX,
    }


def pieces(films: int, first: int) -> list[tuple[int, int, bool]]:
    """First and last film of each page of films, and whether it is the one that begins at `first`;
    nothing where one page holds all."""
    starts = range(1, films + 1, SHOWN) if films > SHOWN else ()
    return [(start, min(films, start + SHOWN - 1), start == first) for start in starts]


@router.api_route(
    "/jobs/{job_id}/films/{number}.png", methods=READ, dependencies=[Depends(operator)]
)
async def picture(
    request: Request,
    job_id: int,
    number: int,
    width: Annotated[int, Query(ge=16, le=WIDEST_PX)] = THUMBNAIL_PX,
) -> Response:
    """One film as it will lie on the sheet, as PNG."""
    pictures: Pictures = request.app.state.pictures
    request.state.slot.release()  # pages are made while it waits for other pictures
    content = await pictures.png(job_id, number, width)
    return Response(content, media_type="image/png", headers={"Cache-Control": "no-store"})


def film_cards(films: Sequence[Sending]) -> list[FilmCard]:
    """A card for each film, with what became of each of its sendings."""
    passes = len({each.pass_number for each in films})
    sendings: dict[int, list[Sending]] = {}
    for each in films:
        sendings.setdefault(each.number, []).append(each)
    return [
        FilmCard(number, [_sent(each, passes) for each in found], asked(found[0].film))
        for number, found in sorted(sendings.items())
    ]


def _sent(film: Sending, passes: int) -> str:
    """What became of one sending."""
    which = f"Pass {film.pass_number} of {passes}: " if passes > 1 else ""
    words = f"; it said: {film.words}" if film.words else ""
    match film.state:
        case FilmState.WAITING:
            what = "not sent yet"
        case FilmState.ASKED | FilmState.UNCERTAIN:
            what = (
                f"asked of {film.printer} at {moment(film.asked_at)} UTC and not answered for: it "
                "may be on paper"
                if film.printer
                else f"may have been printed before {moment(film.asked_at)} UTC"
            )
        case _:
            what = f"{film.printer} accepted it at {moment(film.accepted_at)} UTC"
            if film.state is FilmState.PRINTED:
                what += " and printed it"
    copies = f", {film.copies} copies" if film.copies > 1 else ""
    return f"{which}{what}{copies}{words}"


def asked(film: Film) -> list[tuple[str, str]]:
    """What the modality asked of one film: the film box, then each image."""
    found = in_words(film.attributes)
    if film.lut is not None:
        found.append(("Presentation LUT", _lut(film.lut)))
    for box in film.image_boxes:
        found.append((f"Image {box.position}", _image(box)))
    return found


def in_words(attributes: Attributes | Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """Keyword and values of each attribute."""
    return [(keyword, " \\ ".join(values)) for keyword, values in sorted(attributes.items())]


def _image(box: ImageBox) -> str:
    image = box.image
    if image is None:
        return "none: the place stays empty"
    said = [
        f"{image.columns} × {image.rows}",
        f"{image.bits_stored} bits",
        image.photometric,
        *(f"{keyword} {' '.join(values)}" for keyword, values in sorted(box.attributes.items())),
    ]
    if box.lut is not None:
        said.append(f"Presentation LUT {_lut(box.lut)}")
    return ", ".join(said)


def _lut(lut: PresentationLut) -> str:
    if lut.descriptor is None:
        return lut.shape
    entries, (_, first, bits) = lut.entries, lut.descriptor
    return f"table of {entries} values from {first}, {bits} bits"
