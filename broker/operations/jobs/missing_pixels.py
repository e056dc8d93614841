"""Pixels that jobs need: whether the spool has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from broker.model.jobs.job import DONE, Sending
from broker.model.printers.trouble import SpoolDamaged
from broker.spool.files import Spool, is_there
from broker.spool.stored import Stored, place_of

if TYPE_CHECKING:
    from pathlib import Path

    from broker.operations.opened import Store


def folder(store: Store) -> Path:
    """Where the spool is, or should be."""
    return store.config.data_dir / "spool"


def spool_gone(store: Store) -> str:
    """What to say where the whole spool is not there, and its remedy; empty where it is."""
    missing = Spool.missing(folder(store), store.references)
    return missing.words if missing else ""


def missing(store: Store) -> tuple[int, int]:
    """Of how many images that unfinished jobs need none is there, and how many they need."""
    needed = store.references.needed()
    return sum(not is_there(folder(store), name) for name in needed), len(needed)


def lost(store: Store, films: Sequence[Sending]) -> bool:
    """Whether pixels of these films are not there; whether they are right is not looked at."""
    names = {name for film in films for name in film.film.spooled}
    return not all(is_there(folder(store), name) for name in names)


def left(films: Sequence[Sending]) -> list[Sending]:
    """Those that are yet to print."""
    return [film for film in films if film.state not in DONE]


def whole(store: Store, films: Sequence[Sending]) -> bool:
    """Whether all pixels that are left to print are in the spool, and are what they were, as is
    what the database keeps of the films.
    """
    try:
        for name in {name for film in left(films) for name in film.film.spooled}:
            with Stored(place_of(folder(store), name)) as stored:
                for _ in stored:
                    continue
        for job_id in {film.job_id for film in films}:
            store.jobs.whole_films(job_id)
    except (SpoolDamaged, OSError):
        return False
    return True
