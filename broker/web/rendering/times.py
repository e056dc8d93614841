"""Times for a page: marked, so that the browser tells them in its own zone (`static/times.js`).

Without scripts they are told in UTC, with `UTC` behind them.
"""

from __future__ import annotations

import re
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from broker.operations.words.text import TOLD, moment, time_told

ZONE = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}", re.ASCII)
"""A name of a time zone as browsers give it."""
LONGEST = 64


def marked(words: object) -> Markup:
    """The words, escaped, each time that they tell marked."""
    return Markup(TOLD.sub(_mark, str(escape(words))))


def moment_mark(seconds: float | None) -> Markup:
    """A time of its own, to the second; a dash where there is none."""
    return marked(f"{moment(seconds)} UTC" if moment(seconds) != "-" else "-")


def clock_mark(seconds: float | None) -> Markup:
    """The same for a narrow column that names the zone at its head: to the minute."""
    told = moment(seconds)
    if told == "-":
        return Markup("-")
    stamp = f"{told.replace(' ', 'T')}Z"
    return Markup(f'<time datetime="{stamp}" data-clock title="{told} UTC">{told[:16]}</time>')


def _mark(found: re.Match[str]) -> str:
    at = time_told(found)
    if at is None:
        return found[0]
    stamp = f"{found[1].replace(' ', 'T')}Z"
    return f'<time datetime="{stamp}" data-moment title="{found[0]}">{found[0]}</time>'


def zone_of(name: str) -> tzinfo:
    """The time zone of that name; UTC where this machine knows none of it."""
    if len(name) > LONGEST or not ZONE.fullmatch(name):
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # none, a folder, or no zone's file
        return UTC
