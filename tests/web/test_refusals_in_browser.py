"""Refusals, nicknames and failed sign-ins in a real browser: at both widths, in both themes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.config.file import load
from broker.model.user import FailedSignInCount
from broker.operations.opened import store_of
from tests.web.browser import Browser
from tests.web.pages.test_looks_in_browser import DARK, LIGHT, PAPER, SMALL, WIDE
from tests.web.pages.test_refusals import call_wrong, counted, send_wrong
from tests.web.print_room import PrintRoom, print_room

pytestmark = pytest.mark.timeout(240)
NICKNAME = "CT, ground floor, beside room 12"


@pytest.fixture
def room(tmp_path: Path) -> Iterator[PrintRoom]:
    """CT1 has a nickname and has printed; then it was refused as it calls another AE title, and so
    was MR1 for an image. Two users failed to sign in."""
    more = f'\n[[modalities]]\nae_title = "CT1"\nnickname = "{NICKNAME}"\n'
    with print_room(tmp_path, more) as opened:
        opened.print(40)
        opened.process.wait_for("job sent")
        call_wrong(opened, "CT1")
        send_wrong(opened, "MR1", 2)
        counted(opened, 3)
        now = time.time()
        with store_of(load(opened.config)) as store:
            store.sign_in_failures.add(
                [
                    FailedSignInCount("ruth", "10.0.0.9", 3, now - 86400, now - 60),
                    FailedSignInCount("", f"2001:db8{':1234' * 6}", 7, now, now),
                ]
            )
        yield opened


@pytest.mark.parametrize("size", ["browser", "phone"])
def test_they_are_readable_in_both_themes(
    room: PrintRoom, size: str, request: pytest.FixtureRequest
) -> None:
    """The accessibility checker finds nothing, no page is wider than the screen, and on a phone
    every target has 44 px; each page says what it is for, the nickname beside the AE title."""
    window: Browser = request.getfixturevalue(size)
    expected = {
        "/refusals": ("CT1", NICKNAME, "127.0.0.1", "BORKER", "not since", "BitsStored"),
        "/": ("CT1", NICKNAME, "Refused in the last hour"),
        "/jobs/1": (f"CT1 ({NICKNAME})",),
        "/day": ("CT1", NICKNAME),
        "/commands": ("Failed sign-ins", "ruth", "10.0.0.9", "no such user", "2001:db8"),
    }
    for scheme, paper in (("dark", DARK), ("light", LIGHT)):
        window.prefer(scheme)
        for path, words in expected.items():
            window.go(room.url + path)
            window.wait("h1")
            shown = window.text()
            for each in words:
                assert each in shown, (path, each)
            assert window.run(PAPER) == paper
            window.keep(f"named{path.replace('/', '-')}-{size}-{scheme}")
            assert not window.complaints(), (path, scheme)
            assert window.run(WIDE) <= 0, path
            if size == "phone":
                assert not window.run(SMALL), path
    assert not window.troubles()
