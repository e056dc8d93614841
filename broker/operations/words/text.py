"""Small words that every face shares: times, ages and numbers.

A time in a sentence is told in UTC, as `2026-01-31 07:15:02 UTC`: so it stands in the database, in
JSON and in logs, where it means the same to every reader. A face for people tells it in their own
zone: `local` is where the words change, for this machine's zone or another one; the page marks it
for the browser, see `web/rendering/times.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

from broker.model.jobs.job import Job
from broker.model.storage.disk import MB


def megabytes(size: int) -> str:
    """A size in bytes, as 12.3 MB."""
    return f"{size / MB:.1f} MB"


def and_more(names: Sequence[object], most: int) -> str:
    """The first `most` of them, with commas between, and how many more there are."""
    more = f", and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(str, names[:most])) + more


def in_words(names: Sequence[str], most: int = 3) -> str:
    """Names in a sentence: `a`, `a and b`, `a, b and c`; of more than `most`, the first and how
    many more."""
    if len(names) > most:
        return f"{names[0]} and {len(names) - 1} more"
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def each_of(names: Sequence[str]) -> str:
    """Names in a sentence that goes on about one of them: `a`, `each of a and b`."""
    return in_words(names) if len(names) == 1 else f"each of {in_words(names)}"


def age(seconds: float) -> str:
    """How long ago, in the largest unit that fits: 12s, 5m, 3h, 2d."""
    number = max(0, int(seconds))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if number >= size:
            return f"{number // size}{unit}"
    return f"{number}s"


TOLD = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC", re.ASCII)
"""A time in a sentence: what `moment` gives, with its zone behind it."""


def moment(seconds: float | None) -> str:
    """A time in UTC, to the second; a dash when there is none, or none that can be. In a sentence
    ` UTC` stands behind it."""
    if seconds is None:
        return "-"
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return "-"  # of a damaged row


def local(words: str, now: float, zone: tzinfo | None = None) -> str:
    """The words with each time that they tell in that zone, or else in this machine's: `08:15:02
    CET`, and `2026-01-31 08:15 CET` where that is not today."""

    def told(found: re.Match[str]) -> str:
        at = time_told(found)
        return found[0] if at is None else f"{clock(at, now, zone)} {zone_name(at, zone)}"

    return TOLD.sub(told, words)


def time_told(found: re.Match[str]) -> float | None:
    """The seconds since the epoch of what TOLD has found; None where there is no such time."""
    try:
        return datetime.fromisoformat(f"{found[1]}+00:00").timestamp()
    except ValueError:
        return None


def clock(seconds: float | None, now: float, zone: tzinfo | None = None) -> str:
    """What a clock in that zone, or of this machine, has shown: `08:15:02` today, else `2026-01-31
    08:15`; a dash when there is no time, or none that can be."""
    if moment(seconds) == "-" or seconds is None:
        return "-"
    at = _in_zone(seconds, zone)
    today = at.date() == _in_zone(now, zone).date()
    return f"{at:%H:%M:%S}" if today else f"{at:%Y-%m-%d %H:%M}"


def zone_name(seconds: float, zone: tzinfo | None = None) -> str:
    """What the zone, or this machine's, was called then: CET in winter, CEST in summer."""
    return _in_zone(seconds, zone).tzname() or ""


def _in_zone(seconds: float, zone: tzinfo | None) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).astimezone(zone)


def count(number: int, noun: str) -> str:
    """`1 film`, `2 films`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def copies(number: int) -> str:
    """`1 copy`, `2 copies`."""
    return "1 copy" if number == 1 else f"{number} copies"


def why_removed(job: Job) -> str:
    """Why the pixels of a finished job were removed, as the end of a sentence."""
    match job.pixels_removed_why:
        case "room":
            return "before their time, as room on the disk was needed for new films"
        case "budget":
            return "before their time, as finished jobs had more than retention.pixels_mb"
    return "as they are after retention.pixels_hours"
