"""The broker's day and a printer's: films in and out by hour, as small pictures and as a table."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from broker.model.day import HOUR_S, HOURS, DayOfOne, beginning, days, together
from broker.model.peers.nicknames import Nicknames
from broker.operations.documents import iso
from broker.operations.opened import Store
from broker.operations.words.text import count
from broker.web.auth.signin import Person, person
from broker.web.rendering.page import READ, Pages

STEP, HEIGHT = 10, 32
"""Of a picture: width of an hour and height, in its own units."""
router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Bar:
    """One hour of a picture."""

    x: int
    y: float
    height: float
    label: str


@dataclass(frozen=True)
class DayPicture:
    """Films by hour as bars, and what a reader who does not see them is told."""

    bars: tuple[Bar, ...]
    words: str
    width: int = STEP * HOURS
    height: int = HEIGHT
    bar: int = STEP - 2


def drawn(films: Sequence[int], began: float, highest: int = 0) -> DayPicture:
    """The picture; `highest` is the number that fills its height, where pictures are compared."""
    most = max(highest, *films, 1)
    bars = tuple(
        Bar(
            x=at * STEP + 1,
            y=HEIGHT - HEIGHT * number / most,
            height=HEIGHT * number / most,
            label=f"{number} from {_clock(began, at)}",
        )
        for at, number in enumerate(films)
        if number
    )
    peak = max(range(len(films)), key=lambda at: films[at])
    words = f"{count(sum(films), 'film')} in {HOURS} hours"
    if any(films):
        words += f", most in the hour from {_clock(began, peak)}: {films[peak]}"
    return DayPicture(bars, words)


def _clock(began: float, at: int) -> str:
    return f"{time.strftime('%H:%M', time.gmtime(began + at * HOUR_S))} UTC"


@dataclass(frozen=True)
class DayRow:
    """One modality or printer."""

    day: DayOfOne
    picture: DayPicture
    nickname: str = ""
    """Of a modality that has one."""


@dataclass(frozen=True)
class DayView:
    """All that the page shows."""

    began: float
    modalities: Sequence[DayOfOne]
    printers: Sequence[DayOfOne]
    nicknames: Nicknames

    @property
    def totals(self) -> Sequence[tuple[str, int, DayPicture]]:
        """Films in and films out."""
        come, gone = together(self.modalities), together(self.printers)
        highest = max(*come, *gone)
        return (
            ("Films in", sum(come), drawn(come, self.began, highest)),
            ("Films accepted by printers", sum(gone), drawn(gone, self.began, highest)),
        )

    @property
    def modality_rows(self) -> list[DayRow]:
        """With their nicknames and pictures."""
        return [
            replace(row, nickname=self.nicknames.of(row.day.name))
            for row in self.rows(self.modalities)
        ]

    def rows(self, every: Sequence[DayOfOne]) -> list[DayRow]:
        """With their pictures, of one scale."""
        highest = max((max(each.films) for each in every), default=0)
        return [DayRow(each, drawn(each.films, self.began, highest)) for each in every]

    @property
    def hours(self) -> Sequence[tuple[float, int, int]]:
        """When each hour began, films in, films out: the newest first."""
        come, gone = together(self.modalities), together(self.printers)
        found = [(self.began + at * HOUR_S, come[at], gone[at]) for at in range(HOURS)]
        return found[::-1]


def day_view(store: Store, now: float) -> DayView:
    """Of the HOURS up to now. What modalities sent, with how long printers took for theirs."""
    began = beginning(now)
    received = days(store.day.received(began))
    waits = {each.name: each for each in days(store.day.accepted(began, by_modality=True))}
    modalities = []
    for each in received:
        its = waits.get(each.name)
        mean, longest = (its.mean_s, its.longest_s) if its else (None, None)
        modalities.append(DayOfOne(each.name, each.films, mean, longest))
    return DayView(began, modalities, days(store.day.accepted(began)), store.nicknames)


def printer_day(store: Store, name: str, now: float) -> DayRow | None:
    """The day of one printer; None where it accepted nothing."""
    began = beginning(now)
    found = days(store.day.accepted(began, printer=name))
    return DayRow(found[0], drawn(found[0].films, began)) if found else None


@router.api_route("/day", methods=READ, response_class=HTMLResponse)
def day_page(request: Request, who: Annotated[Person, Depends(person)]) -> HTMLResponse:
    """The page."""
    store: Store = request.app.state.store
    pages: Pages = request.app.state.pages
    now = time.time()
    return pages.page(request, "day.html", who, {"view": day_view(store, now), "now": now})


def document(view: DayView) -> dict[str, Any]:
    """The same for a program."""

    def of(each: DayOfOne) -> dict[str, Any]:
        return {
            "name": each.name,
            "films": each.total,
            "films_by_hour": list(each.films),
            "mean_s": each.mean_s,
            "longest_s": each.longest_s,
        }

    return {
        "began_at": iso(view.began),
        "modalities": [
            of(each) | {"calling_nickname": view.nicknames.of(each.name)}
            for each in view.modalities
        ],
        "printers": [of(each) for each in view.printers],
    }
