"""Small words that every face shares: times, ages and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from broker.model.disk import MB
from broker.model.job import Job


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


def age(seconds: float) -> str:
    """How long ago, in the largest unit that fits: 12s, 5m, 3h, 2d."""
    number = max(0, int(seconds))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if number >= size:
            return f"{number // size}{unit}"
    return f"{number}s"


def moment(seconds: float | None) -> str:
    """A time for people, UTC, to the second; a dash when there is none, or none that can be."""
    if seconds is None:
        return "-"
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return "-"  # of a damaged row


def count(number: int, noun: str) -> str:
    """`1 film`, `2 films`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def why_removed(job: Job) -> str:
    """Why the pixels of a finished job were removed, as the end of a sentence."""
    match job.pixels_removed_why:
        case "room":
            return "before their time, as room on the disk was needed for new films"
        case "budget":
            return "before their time, as finished jobs had more than retention.pixels_mb"
    return "as they are after retention.pixels_hours"
