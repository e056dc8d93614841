"""A print room with its page, and a browser before it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.required import cannot_run
from tests.web.browser import PHONE, Browser, missing
from tests.web.print_room import PrintRoom, print_room


@pytest.fixture
def room(tmp_path: Path) -> Iterator[PrintRoom]:
    """Two printers that are quick, a broker, its page."""
    with print_room(tmp_path) as opened:
        yield opened


def _open(tmp_path: Path, size: tuple[int, int] | None = None) -> Browser:
    if absent := missing():
        cannot_run(f"{absent} is not installed")
    return Browser(tmp_path, size) if size else Browser(tmp_path)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """At the width of a desk."""
    with _open(tmp_path) as window:
        yield window


@pytest.fixture
def phone(tmp_path: Path) -> Iterator[Browser]:
    """At the width of a phone."""
    with _open(tmp_path, PHONE) as window:
        yield window
