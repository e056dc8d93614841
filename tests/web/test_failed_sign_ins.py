"""Who could not sign in is told to the administrator and to operators, and no password is kept."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from broker.model.user import FailedSignInCount, Role
from broker.web.auth import failure_notes
from broker.web.auth.failure_notes import FailureNotes
from tests.web.served_page import ServedPage, served_page, sign_in, words

WRONG = "not the Passw0rd"


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServedPage]:
    """With an operator, otto, and a viewer, vera."""
    monkeypatch.setattr(failure_notes, "WRITE_S", 0.05)
    with served_page(tmp_path) as opened:
        opened.add("otto")
        opened.add("vera", Role.VIEWER)
        yield opened


def wait_for(served: ServedPage, number: int) -> Sequence[FailedSignInCount]:
    """What is written down, once it is that number of sign-ins."""
    pause = threading.Event()
    for _ in range(400):
        found = served.store.sign_in_failures.list()
        if sum(each.number for each in found) == number:
            return found
        pause.wait(0.05)
    raise AssertionError(f"{number} were never written down")


def test_operators_see_them_on_the_page_of_the_log(served: ServedPage) -> None:
    """By user and address, of browsers and programs; what is no user's name is not kept. A viewer
    does not see them, and there is no word of a password."""
    with served.visitor() as otto, served.visitor() as vera, served.visitor() as guesser:
        assert sign_in(otto, "otto").status_code == sign_in(vera, "vera").status_code == 303
        assert "Failed sign-ins" not in otto.get("/commands").text
        sign_in(guesser, "otto", WRONG)
        sign_in(guesser, "otto", WRONG)
        sign_in(guesser, WRONG, "otto")
        assert guesser.get("/api/jobs", auth=("vera", WRONG)).status_code == 401
        found = wait_for(served, 4)
        assert {(each.user, each.address, each.number) for each in found} == {
            ("otto", "127.0.0.1", 2),
            ("", "127.0.0.1", 1),
            ("vera", "127.0.0.1", 1),
        }
        page = otto.get("/commands")
        shown = words(page.text)
        assert "Failed sign-ins" in shown
        assert "an administrator sets a new password" in shown
        assert "otto 127.0.0.1 2 " in shown
        assert "no such user 127.0.0.1 1 " in shown
        assert WRONG not in page.text
        assert "Failed sign-ins" not in vera.get("/commands").text
        assert "Failed sign-ins" not in otto.get("/commands", params={"by": "ruth"}).text
    with sqlite3.connect(served.store.config.database_file) as connection:
        assert WRONG not in "\n".join(connection.iterdump())


def test_what_cannot_be_written_is_written_later() -> None:
    """It is noted, and counted on, also where another one comes while it is tried; the first is the
    earliest, and the last ones are written at the end."""
    written: list[FailedSignInCount] = []
    told = threading.Event()
    broken = [True]
    now = [5.0]

    def fail() -> None:
        notes.failed("otto", "10.0.0.9")
        now[0] += 1.0

    def write(counts: Sequence[FailedSignInCount]) -> None:
        if broken:
            fail()
            raise OSError(28, "No space left on device")
        written.extend(counts)

    notes = FailureNotes(write, lambda *_: told.set(), lambda: now[0])
    fail()
    notes._step()
    assert told.is_set()
    broken.clear()
    fail()
    notes.start()
    notes.stop()
    assert written == [FailedSignInCount("otto", "10.0.0.9", 3, 5.0, 7.0)]
