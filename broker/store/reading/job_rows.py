"""Rows of jobs into jobs: whatever number, in three queries."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from sqlalchemy import Connection, Integer, Select, bindparam, distinct, func, select

from broker.model.films.capabilities import Combination, PrintObject, Trait
from broker.model.films.film import Attributes, Film, Image, ImageBox, PresentationLut
from broker.model.jobs.job import (
    ACTIVE,
    DONE,
    Job,
    Level,
    PrintRequest,
    Priority,
    Strike,
    collation,
)
from broker.model.printers.trouble import RecordDamaged
from broker.store.backend import Prepared, fixed
from broker.store.reading.shown_state import KNOWN, SHOWN_WHERE_DAMAGED, shown_state, unknown
from broker.store.tables import attempts, films, jobs, sendings

UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError)
"""What a text can raise that is not what the broker wrote."""


def film_to_json(film: Film) -> str:
    """A film with everything on it; its pixels stay in the spool, under their names."""
    return _text(_film(film))


def without_others(text: str) -> Film | None:
    """A film without the elements that print does not name; None where it has none, or cannot be
    read."""
    if '"more":' not in text and '_more":' not in text:
        return None
    try:
        film = film_from_json(text)
    except UNREADABLE:
        return None
    boxes = tuple(
        replace(each, more=b"", image_more=b"", lut=each.lut and each.lut.plain)
        for each in film.image_boxes
    )
    lut = film.lut and film.lut.plain
    return replace(film, image_boxes=boxes, lut=lut, more=b"", session_more=b"")


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
        lut_of_session=document.get("lut_of_session", False),
        more=_more_of(document, "more"),
        session_more=_more_of(document, "session_more"),
        not_relayed=tuple(document.get("not_relayed", ())),
        chosen=tuple(document.get("chosen", ())),
    )


def attributes_to_json(attributes: Attributes) -> str:
    """Attributes, in the order in which they came."""
    return _text(_attributes(attributes))


def attributes_from_json(text: str) -> Attributes:
    """The attributes that `attributes_to_json` wrote."""
    return _attributes_of(json.loads(text))


def combination_to_json(combination: Combination) -> str:
    """The same text for the same traits."""
    rows = [[each.level, each.keyword, each.value] for each in sorted(combination)]
    return json.dumps(rows, separators=(",", ":"))


def combination_from_json(text: str) -> Combination:
    """What `combination_to_json` wrote. Raises: what is in UNREADABLE."""
    return frozenset(Trait(PrintObject(level), *rest) for level, *rest in json.loads(text))


def combinations_to_json(asks: Collection[Combination]) -> str:
    """What a job asks of a printer; empty for nothing."""
    if not asks:
        return ""
    return json.dumps(sorted(map(combination_to_json, asks)), separators=(",", ":"))


def combinations_from_json(text: str) -> frozenset[Combination]:
    """What `combinations_to_json` wrote; nothing where it was damaged: what is not known is asked
    for."""
    if not text:
        return frozenset()
    try:
        return frozenset(map(combination_from_json, json.loads(text)))
    except UNREADABLE:
        return frozenset()


def _text(document: Mapping[str, object]) -> str:
    return json.dumps(document, separators=(",", ":"))


def _film(film: Film) -> dict[str, object]:
    return {
        "attributes": _attributes(film.attributes),
        "image_boxes": [_image_box(box) for box in film.image_boxes],
        "lut": _lut(film.lut),
        # Only where there are some: films of earlier versions keep their digests.
        **({"lut_of_session": True} if film.lut_of_session else {}),
        **_more("more", film.more),
        **_more("session_more", film.session_more),
        **({"not_relayed": list(film.not_relayed)} if film.not_relayed else {}),
        **({"chosen": list(film.chosen)} if film.chosen else {}),
    }


def _more(name: str, content: bytes) -> dict[str, str]:
    return {name: base64.b64encode(content).decode("ascii")} if content else {}


def _more_of(document: Mapping[str, Any], name: str) -> bytes:
    return base64.b64decode(document.get(name, ""), validate=True)


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
        # Only where it is so: films of earlier versions keep their digests.
        **({"refused": box.refused} if box.refused else {}),
        **_more("more", box.more),
        **_more("image_more", box.image_more),
    }


def _image_box_of(document: dict[str, Any]) -> ImageBox:
    image = document["image"]
    return ImageBox(
        position=document["position"],
        attributes=_attributes_of(document["attributes"]),
        image=None if image is None else _image_of(image),
        lut=_lut_of(document["lut"]),
        more=_more_of(document, "more"),
        image_more=_more_of(document, "image_more"),
        refused=document.get("refused", ""),
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
        **_more("more", lut.more),
        **_more("table_more", lut.table_more),
    }


def _lut_of(document: dict[str, Any] | None) -> PresentationLut | None:
    if document is None:
        return None
    descriptor = document["descriptor"]
    return PresentationLut(
        shape=document["shape"],
        descriptor=None if descriptor is None else tuple(descriptor),
        table=base64.b64decode(document["table"], validate=True),
        more=_more_of(document, "more"),
        table_more=_more_of(document, "table_more"),
    )


SHOWN = [each.name for each in fields(Job) if each.name in jobs.c]
"""What a Job shows as it stands in its row; the rest is counted."""

SOME = 8
"""Jobs that are asked for with every film, at most."""
FEW = 100
"""Up to this many, jobs are named by their numbers rather than selected again."""

ALTERED = "what the database keeps of it is missing or was altered"
JOB_ALTERED = "what the database keeps of the job is missing or was altered"
ROW_DAMAGED = "its row in the database is damaged"

Within = Select[tuple[int]] | list[int]
JobList = list[Job]


LARGEST = 2**63 - 1
"""The largest number that a job may have: SQLite's integers end there."""


class NoSuchJob(LookupError):
    """There is no job of that number. `words` tells a person."""

    def __init__(self, job_id: int) -> None:
        self.words = f"there is no job {job_id}; `broker jobs --all` lists those that there are"
        super().__init__(self.words)


@dataclass(frozen=True)
class Tally:
    """What is left of a job's sendings."""

    load: int = 0
    """Copies not yet accepted."""
    films: int = 0
    """Films of which a pass is not yet accepted."""


NOTHING_LEFT = Tally()

_LEFT = (
    select(sendings.c.job_id, func.sum(sendings.c.copies), func.count(distinct(sendings.c.number)))
    .where(sendings.c.state.not_in(fixed(DONE)))
    .group_by(sendings.c.job_id)
)
_STRUCK = (
    select(
        attempts.c.job_id,
        attempts.c.printer,
        attempts.c.permanent,
        attempts.c.words,
        attempts.c.ended_at,
    )
    .join(jobs, jobs.c.id == attempts.c.job_id)
    .where(attempts.c.strike, attempts.c.id > jobs.c.strikes_after)
    .order_by(attempts.c.id)
)
_SOME = [f"job_{number}" for number in range(SOME)]
_AMONG_SOME = [bindparam(name, type_=Integer) for name in _SOME]
_LEFT_OF_SOME = Prepared(_LEFT.where(sendings.c.job_id.in_(_AMONG_SOME)))
_STRUCK_OF_SOME = Prepared(_STRUCK.where(attempts.c.job_id.in_(_AMONG_SOME)))


def known(job_id: int) -> int:
    """The number, where a job may have it: the database takes no larger one. Raises: NoSuchJob."""
    if not 0 < job_id <= LARGEST:
        raise NoSuchJob(job_id)
    return job_id


def one(connection: Connection, job_id: int) -> Job:
    """One job. Raises: NoSuchJob."""
    known(job_id)
    found = several(connection, shown().where(jobs.c.id == job_id), [job_id])
    if not found:
        raise NoSuchJob(job_id)
    return found[0]


def shown() -> Select[Any]:
    """The columns that `several` makes jobs of."""
    return select(*(jobs.c[name] for name in SHOWN))


def several(connection: Connection, chosen: Select[Any], within: Within) -> JobList:
    """The chosen jobs. `within` selects their numbers, and may select more than them."""
    return whole(connection, connection.execute(chosen).all(), within)


def whole(connection: Connection, rows: Sequence[Sequence[Any]], within: Within) -> JobList:
    """Jobs of the rows that `shown` gave, as `several`."""
    if len(rows) <= FEW:
        within = [row[0] for row in rows]
    tallies = _tallies(connection, within) if rows else {}
    strikes = _strikes(connection, within) if rows else {}
    return [_job(row, tallies.get(row[0], NOTHING_LEFT), strikes.get(row[0], ())) for row in rows]


def request_of(connection: Connection, job_id: int) -> PrintRequest:
    """What was asked for, equal to what was accepted.

    Raises: NoSuchJob. RecordDamaged: when what is written of it was altered.
    """
    row = connection.execute(select(jobs).where(jobs.c.id == known(job_id))).one_or_none()
    if row is None:
        raise NoSuchJob(job_id)
    content = connection.execute(
        select(films.c.number, films.c.content, films.c.digest)
        .where(films.c.job_id == job_id)
        .order_by(films.c.number)
    ).all()
    damaged = unknown(dict(row._mapping))
    if damaged or row.digest not in ("", digest_of_job(row.session, row.level, row.copies)):
        raise RecordDamaged(JOB_ALTERED)
    return PrintRequest(
        calling_ae=row.calling_ae,
        called_ae=row.called_ae,
        peer=row.peer,
        film_session=row.film_session,
        level=Level(row.level),
        session=session_of(row.session),
        films=tuple(film_of(*each) for each in content),
        copies=row.copies,
        priority=Priority(row.priority),
        lut_class=row.lut_class,
    )


_PARTS = select(
    jobs.c.level,
    jobs.c.films,
    jobs.c.copies,
    select(func.count()).where(films.c.job_id == jobs.c.id).scalar_subquery(),
    select(func.count()).where(sendings.c.job_id == jobs.c.id).scalar_subquery(),
).where(jobs.c.id == bindparam("its_job"))


def lacks_parts(connection: Connection, job_id: int) -> bool:
    """Whether rows of the job's films are missing, so that it cannot be printed as it was accepted,
    and must not count as printed either."""
    row = connection.execute(_PARTS, {"its_job": job_id}).one()
    level, number, copies, its_films, its_sendings = row
    if level not in KNOWN["level"]:
        return bool(its_films != number or its_sendings < number)
    passes, _ = collation(Level(level), number, copies)
    return bool(its_films != number or its_sendings != passes * number)


def level_lost(connection: Connection, job_id: int) -> bool:
    """Whether it is not known at what level the job was asked for, so that it cannot be printed."""
    level = connection.execute(select(jobs.c.level).where(jobs.c.id == job_id)).scalar_one()
    return level not in KNOWN["level"]


def film_of(number: int, content: str, digest: str = "") -> Film:
    """A film of that number, from its text. Films of early versions have no digest.

    Raises: RecordDamaged: when the text is no film, or another one than the digest's.
    """
    try:
        film = film_from_json(content)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise RecordDamaged(f"film {number}: {ALTERED}") from error
    if digest and digest != digest_of(film):
        raise RecordDamaged(f"film {number}: {ALTERED}")
    return film


def session_of(content: str) -> Attributes:
    """Attributes of a film session, from their text. Raises: RecordDamaged: when that is none."""
    try:
        return attributes_from_json(content)
    except (ValueError, TypeError, AttributeError) as error:
        raise RecordDamaged(f"film session: {ALTERED}") from error


def _tallies(connection: Connection, within: Within) -> Mapping[int, Tally]:
    rows = _of(connection, within, _LEFT_OF_SOME, _LEFT.where(sendings.c.job_id.in_(within)))
    return {job_id: Tally(load, left) for job_id, load, left in rows}


def _strikes(connection: Connection, within: Within) -> Mapping[int, Sequence[Strike]]:
    rows = _of(connection, within, _STRUCK_OF_SOME, _STRUCK.where(attempts.c.job_id.in_(within)))
    found: dict[int, list[Strike]] = defaultdict(list)
    for job_id, printer, permanent, words, at in rows:
        found[job_id].append(Strike(printer, permanent, words, at or 0.0))
    return found


def _of(
    connection: Connection, within: Within, of_some: Prepared, of_all: Select[Any]
) -> Iterable[Sequence[Any]]:
    """The rows of these jobs."""
    if isinstance(within, list) and len(within) <= SOME:
        # No job has the number 0.
        numbers = [*within, *[0] * (SOME - len(within))]
        return of_some.rows(connection, **dict(zip(_SOME, numbers, strict=True)))
    return connection.execute(of_all).all()


def _job(row: Sequence[Any], tally: Tally, strikes: Sequence[Strike]) -> Job:
    values: dict[str, Any] = dict(zip(SHOWN, row, strict=True))
    values["reason"] = "; ".join(filter(None, (values["remark"], values["reason"])))
    state = shown_state(values)
    if damaged := unknown(values):
        # One damaged row must not hide all the others.
        values |= {name: SHOWN_WHERE_DAMAGED[name] for name in damaged}
        if not values["reason"].startswith(ROW_DAMAGED):
            values["reason"] = f"{ROW_DAMAGED} ({', '.join(damaged)}); {values['reason']}"
    values["state"] = state
    values["level"] = Level(values["level"])
    values["priority"] = Priority(values["priority"])
    values["films_accepted"] = values["films"] - tally.films
    values["strikes"] = tuple(strikes)
    values["avoided"] = frozenset(filter(None, values["avoided"].split(",")))
    values["asks"] = combinations_from_json(values["asks"])
    values["load"] = tally.load if state in ACTIVE else 0
    return Job(**values)
