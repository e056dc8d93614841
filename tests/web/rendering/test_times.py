"""Times of the page: marked for the browser, and right without scripts."""

from __future__ import annotations

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from markupsafe import Markup

from broker.web.rendering.page import commands
from broker.web.rendering.times import clock_mark, marked, moment_mark, zone_of

TOLD = "2026-01-31 07:15:02 UTC"
MARK = f'<time datetime="2026-01-31T07:15:02Z" data-moment title="{TOLD}">{TOLD}</time>'


def test_each_time_of_a_sentence_is_marked_and_the_rest_is_escaped() -> None:
    """What peers said stays text; a command is set apart."""
    assert marked(f"<b>asked at {TOLD}") == f"&lt;b&gt;asked at {MARK}"
    assert marked(Markup("<b>")) == "<b>"
    assert marked("2026-99-31 07:15:02 UTC") == "2026-99-31 07:15:02 UTC"
    assert commands(f"since {TOLD}: `broker jobs`") == f"since {MARK}: the list of jobs"


def test_a_time_of_its_own_is_marked() -> None:
    """To the second, or to the minute in a column; a dash where there is none."""
    assert moment_mark(1769843702.9) == MARK
    assert moment_mark(None) == clock_mark(None) == moment_mark(1e300) == "-"
    assert clock_mark(1769843702.9) == (
        f'<time datetime="2026-01-31T07:15:02Z" data-clock title="{TOLD}">2026-01-31 07:15</time>'
    )


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "../../etc/passwd", "Europe", "x" * 65, "Europe/\x00"]
)
def test_a_zone_that_is_not_known_is_utc(name: str) -> None:
    """Whatever an address has."""
    assert zone_of(name) == UTC
    assert zone_of("Europe/Vienna") == ZoneInfo("Europe/Vienna")
