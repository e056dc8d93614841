"""What a bad morning came to, counted film by film."""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from tests.bench.fates import Fates, Pixels
from tests.bench.films import MorningFilm


@dataclass(frozen=True)
class Told:
    """What a modality was told of one film."""

    film: MorningFilm
    error: str
    """Empty for N-ACTION answered 0x0000; else what went wrong, in words."""
    seconds: float
    """From calling to the end of the association: how long the film kept the modality."""


@dataclass(frozen=True)
class Listed:
    """A job as `broker jobs` lists it."""

    modality: str
    """Calling AE title."""
    uncertain: bool
    """Held, because it cannot be known whether it is on paper."""


@dataclass(frozen=True)
class Figures:
    """One morning in figures, or the medians of several. Times are in seconds."""

    asked: float
    accepted: float
    refused: float
    sheets: float
    lost: float
    """Accepted, never printed, and not told."""
    duplicated: float
    """Films with two sheets or more."""
    failed_yet_printed: float
    uncertain: float
    """Held and listed for a person to decide."""
    uncertain_printed: float
    """Those of them that are on paper."""
    modality_median_s: float
    """Over the films that were accepted: a refusal may be quick, and prints nothing."""
    modality_worst_s: float
    last_sheet_s: float
    """From the first call of a modality."""
    by_printer: Mapping[str, float] = field(default_factory=dict, compare=False)
    """Sheets of each printer."""
    refusals: Mapping[str, int] = field(default_factory=dict, compare=False)
    """What modalities were told instead of success, and how often."""

    @property
    def good(self) -> bool:
        """Whether no film was refused, lost or printed twice."""
        return not (self.refused or self.lost or self.duplicated)

    def document(self) -> dict[str, Any]:
        """For JSON."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        return found | {"by_printer": dict(self.by_printer), "refusals": dict(self.refusals)}


def count(
    told: Sequence[Told],
    sheets: Mapping[str, Sequence[Pixels]],
    jobs: Sequence[Listed],
    last_sheet_s: float,
) -> Figures:
    """The figures of one morning; `sheets` are the pixels on each sheet of each printer,
    `jobs` come oldest first."""
    uncertain = _uncertain(told, jobs)
    fates = Fates(
        asked={each.film.pixels for each in told},
        accepted={each.film.pixels for each in told if not each.error},
        told=uncertain,
        uncertain=uncertain,
        sheets=Counter(pixels for tray in sheets.values() for pixels in tray),
    )
    seconds = [each.seconds for each in told if not each.error] or [math.nan]
    return Figures(
        asked=len(fates.asked),
        accepted=len(fates.accepted),
        refused=len(fates.asked - fates.accepted),
        sheets=fates.sheets.total(),
        lost=len(fates.lost),
        duplicated=len(fates.repeated),
        failed_yet_printed=len(fates.failed_yet_printed),
        uncertain=sum(job.uncertain for job in jobs),
        uncertain_printed=len(fates.uncertain_printed),
        modality_median_s=statistics.median(seconds),
        modality_worst_s=max(seconds),
        last_sheet_s=last_sheet_s,
        by_printer={name: len(tray) for name, tray in sheets.items()},
        refusals=dict(Counter(each.error for each in told if each.error)),
    )


def medians(mornings: Sequence[Figures]) -> Figures:
    """Each figure's median; of the refusals, the sums of all mornings."""
    mappings = ("by_printer", "refusals")
    names = [each.name for each in fields(Figures) if each.name not in mappings]
    found = {name: statistics.median(getattr(each, name) for each in mornings) for name in names}
    refusals = sum((Counter(each.refusals) for each in mornings), Counter[str]())
    by_printer = {
        name: statistics.median(each.by_printer[name] for each in mornings)
        for name in mornings[0].by_printer
    }
    return Figures(**found, by_printer=by_printer, refusals=dict(refusals))


def _uncertain(told: Sequence[Told], jobs: Sequence[Listed]) -> set[Pixels]:
    """Films whose jobs are held as uncertain.

    A modality prints one film after the other, so its n-th film is its n-th job. Where it was
    refused one, jobs cannot be told apart for sure: then none of its films is excused.
    """
    theirs: dict[str, list[Told]] = defaultdict(list)
    for each in told:
        theirs[each.film.modality].append(each)
    held: set[Pixels] = set()
    for modality, films in theirs.items():
        own = [job for job in jobs if job.modality == modality]
        if len(own) == len(films) and not any(each.error for each in films):
            ordered = sorted(films, key=lambda each: each.film.number)
            held |= {
                each.film.pixels for each, job in zip(ordered, own, strict=True) if job.uncertain
            }
    return held
