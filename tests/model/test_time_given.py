"""Times as people write them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from broker.model.time_given import TimeNotUnderstood, time_given

VIENNA = ZoneInfo("Europe/Vienna")
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp()


def iso(given: str, now: float = NOON, *, whole: bool = False) -> str:
    """What is meant in Vienna, in UTC."""
    return datetime.fromtimestamp(time_given(given, now, VIENNA, whole=whole), UTC).isoformat()[:19]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("30m", "2026-01-31T11:30:00"),
        ("2h", "2026-01-31T10:00:00"),
        ("2d", "2026-01-29T12:00:00"),
        ("45 s", "2026-01-31T11:59:15"),
        ("08:15", "2026-01-31T07:15:00"),
        ("8:15", "2026-01-31T07:15:00"),
        ("08:15:30", "2026-01-31T07:15:30"),
        ("23:00", "2026-01-30T22:00:00"),
        ("2026-01-31", "2026-01-30T23:00:00"),
        ("2026-01-31T08:15", "2026-01-31T07:15:00"),
        (" 2026-01-31 08:15:02 ", "2026-01-31T07:15:02"),
        ("2026-07-01T08:15", "2026-07-01T06:15:00"),
        ("2026-01-31T08:15Z", "2026-01-31T08:15:00"),
        ("2026-01-31T08:15:02.5+05:30", "2026-01-31T02:45:02"),
    ],
)
def test_what_is_meant(given: str, meant: str) -> None:
    """Ago, the last such time of day, a day, or a day and a time, local or with a zone."""
    assert iso(given) == meant


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("2h", "2026-01-31T10:00:00"),
        ("08:15", "2026-01-31T07:16:00"),
        ("2026-01-31", "2026-01-31T23:00:00"),
        ("2026-03-29", "2026-03-29T22:00:00"),
        ("2026-01-31T08:15", "2026-01-31T07:16:00"),
        ("2026-01-31T08:15:02Z", "2026-01-31T08:15:03"),
    ],
)
def test_an_end_takes_in_what_it_names(given: str, meant: str) -> None:
    """The whole day, also the one of 23 hours; the whole minute; the whole second."""
    assert iso(given, whole=True) == meant


@pytest.mark.parametrize(
    "given",
    ["", "soon", "2", "2w", "25:00", "08:61", "2026-02-30", "2026-1-31", "31.01.2026", "-2h",
     "2026-01-31T08", "2026-01-31T08:15+99:00", "999999999d", "9999-12-31",
     "2026-W05-6", "٢h"],
)  # fmt: skip
def test_what_is_no_time_is_said(given: str) -> None:
    """The words name it and what is one; a time that cannot be told is none, either."""
    with pytest.raises(TimeNotUnderstood) as found:
        time_given(given, NOON, VIENNA, whole=True)
    assert found.value.words.startswith(f"{given} is not a time; use 30m, 2h")


@pytest.fixture
def in_vienna(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This machine stands there."""
    monkeypatch.setenv("TZ", "Europe/Vienna")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("in_vienna")
def test_without_a_zone_it_is_this_machines() -> None:
    """In summer as in winter."""
    assert (
        time_given("2026-07-01T08:15", NOON) == datetime(2026, 7, 1, 6, 15, tzinfo=UTC).timestamp()
    )
    assert time_given("08:15", NOON) == datetime(2026, 1, 31, 7, 15, tzinfo=UTC).timestamp()
