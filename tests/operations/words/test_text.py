"""Times in sentences, in the zone of who reads them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from broker.operations.words.text import clock, local, moment, zone_name

VIENNA = ZoneInfo("Europe/Vienna")
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("asked at 2026-01-31 07:15:02 UTC: look", "asked at 08:15:02 CET: look"),
        ("since 2026-01-30 23:00:00 UTC.", "since 00:00:00 CET."),
        ("since 2026-01-30 22:59:59 UTC.", "since 2026-01-30 23:59 CET."),
        ("2026-03-29 00:59:59 UTC", "2026-03-29 01:59 CET"),
        ("2026-03-29 01:00:00 UTC", "2026-03-29 03:00 CEST"),
        ("2025-10-26 00:30:00 UTC", "2025-10-26 02:30 CEST"),
        ("2025-10-26 01:30:00 UTC", "2025-10-26 02:30 CET"),
        (
            "from 2026-01-31 07:15:02 UTC to 2026-01-31 08:00:00 UTC",
            "from 08:15:02 CET to 09:00:00 CET",
        ),
        ("2026-99-99 07:15:02 UTC and 0000-01-01 00:00:00 UTC",) * 2,
        ("no time at all, UTC",) * 2,
    ],
)
def test_a_time_is_told_in_the_readers_zone(words: str, told: str) -> None:
    """With the zone's name of that day, and with the day where it is not today there."""
    assert local(words, NOW, VIENNA) == told


def test_a_clock_of_a_time_that_is_none_shows_a_dash() -> None:
    """As of a film that was not asked for, or of a damaged row."""
    assert clock(None, NOW, VIENNA) == clock(1e300, NOW, VIENNA) == moment(None) == "-"
    assert clock(NOW - 1, NOW, VIENNA) == "12:59:59"
    assert zone_name(NOW, VIENNA) == "CET"
