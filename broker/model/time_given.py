"""A point in time as a person writes it: `2h`, `08:15`, `2026-01-31`, `2026-01-31T08:15`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

FORMS = (
    "use 30m, 2h or 2d for so long ago, a time of day as 08:15, a day as 2026-01-31, or both as "
    "2026-01-31T08:15, with +01:00 or Z behind it for another time zone"
)
LONGEST_AGO = 36_500
"""Of each unit, so that the time can be told."""
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_AGO = re.compile(r"(\d{1,9})\s*([smhd])", re.ASCII)
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(:\d\d)?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MINUTE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(Z|[+-]\d\d:?\d\d)?", re.ASCII)
_SECOND = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:?\d\d)?", re.ASCII)


class TimeNotUnderstood(ValueError):
    """It is no time. `words` says what is."""

    def __init__(self, given: str) -> None:
        self.words = f"{given} is not a time; {FORMS}"
        super().__init__(self.words)


def time_given(given: str, now: float, zone: tzinfo | None = None, *, whole: bool = False) -> float:
    """The seconds since the epoch that are meant; times without a zone are of `zone`, or of this
    machine. A time of day is the last one: one that has not come yet today was yesterday.

    `whole` takes in the day, the minute or the second that is named: its end is meant.

    Raises: TimeNotUnderstood.
    """
    said = given.strip()
    try:
        if found := _AGO.fullmatch(said):
            number, unit = int(found[1]), _UNITS[found[2]]
            if number > LONGEST_AGO * 86400 / unit:
                raise TimeNotUnderstood(given)
            return now - number * unit
        if found := _CLOCK.fullmatch(said):
            return _of_clock(said, now, zone, timedelta(seconds=1 if found[3] else 60), whole)
        if _DAY.fullmatch(said):
            day = datetime.fromisoformat(said)
            return _at(day + timedelta(days=1) if whole else day, zone)
        if _MINUTE.fullmatch(said) or _SECOND.fullmatch(said):
            step = timedelta(minutes=1) if _MINUTE.fullmatch(said) else timedelta(seconds=1)
            moment = datetime.fromisoformat(said)
            return _at(moment, zone) + (step.total_seconds() if whole else 0.0)
    except (ValueError, OverflowError, OSError):
        raise TimeNotUnderstood(given) from None
    raise TimeNotUnderstood(given)


def _of_clock(said: str, now: float, zone: tzinfo | None, step: timedelta, whole: bool) -> float:
    hour, minute, *rest = map(int, said.split(":"))
    second = rest[0] if rest else 0
    today = datetime.fromtimestamp(now, UTC).astimezone(zone).replace(tzinfo=None)
    clock = today.replace(hour=hour, minute=minute, second=second, microsecond=0)
    if _at(clock, zone) > now:
        clock -= timedelta(days=1)
    return _at(clock, zone) + (step.total_seconds() if whole else 0.0)


def _at(moment: datetime, zone: tzinfo | None) -> float:
    """Seconds since the epoch. Of a time that the clocks show twice, the first is meant."""
    if moment.tzinfo is None and zone is not None:
        moment = moment.replace(tzinfo=zone)
    return moment.timestamp()
