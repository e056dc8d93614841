"""A person sees where they are signed in, and ends it; so does an administrator by a command."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from broker.model.user import Role
from broker.operations.page_sessions import open_sessions
from tests.web.browser import Browser
from tests.web.print_room import PrintRoom
from tests.web.served_page import ServedPage, form, served_page, sign_in, token
from tests.web.test_sign_in import PASSWORD, add

MANY_S = 1_000_000.0


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedPage]:
    """With an operator, otto, and a viewer, vera."""
    with served_page(tmp_path) as opened:
        opened.add("otto")
        opened.add("vera", Role.VIEWER)
        yield opened


def listed(client: httpx.Client) -> list[str]:
    """The sessions on the page, by what ends them."""
    return re.findall(r'name="session" value="(\w+)"', client.get("/sessions").text)


def test_one_is_ended_by_its_user_alone(served: ServedPage) -> None:
    """It opens nothing any more, and stands on no list; the others go on. Of another user no
    session is listed, and none can be ended."""
    with served.visitor() as ward, served.visitor() as home, served.visitor() as other:
        for client, name in ((ward, "otto"), (home, "otto"), (other, "vera")):
            assert sign_in(client, name).status_code == 303
        assert len(listed(ward)) == 2
        (hers,) = listed(other)
        assert hers not in listed(ward)
        page = ward.get("/sessions")
        assert page.text.count("(this browser)") == 1
        assert "127.0.0.1" in page.text
        csrf = token(page)
        (own,) = [each for each in listed(ward) if _is_this(page.text, each)]
        (far,) = set(listed(ward)) - {own}
        wrong = ward.post("/sessions/end", data={"session": hers, "csrf": csrf})
        assert wrong.headers["location"] == "/"
        assert ward.post("/sessions/end", data={"session": far}).status_code == 403
        assert home.get("/").status_code == 200

        done = ward.post("/sessions/end", data={"session": far, "csrf": csrf})
        assert done.headers["location"] == "/sessions"
        assert home.get("/").headers["location"] == "/sign-in"
        assert listed(ward) == [own]
        assert other.get("/").status_code == 200

        done = ward.post("/sessions/end", data={"session": own, "csrf": csrf})
        assert done.headers["location"] == "/sign-in"
        assert ward.get("/").status_code == 303


def _is_this(page: str, session: str) -> bool:
    """Whether that row is of the browser that asks."""
    row = next(row for row in page.split("<tbody>") if session in row)
    return "(this browser)" in row


def test_all_others_are_ended_at_once(served: ServedPage) -> None:
    """Also one of which nothing is written down. The browser that asks goes on, with the forms
    that it has open."""
    with served.visitor() as ward, served.visitor() as home:
        sign_in(home, "otto")
        sign_in(ward, "otto")
        drain = form(ward.get("/").text, "/printers/oki-1/commands") | {"command": "drain"}
        with closing(sqlite3.connect(served.store.config.database_file)) as database, database:
            database.execute("DELETE FROM sessions")
        done = ward.post("/sessions/end-others", data={"csrf": drain["csrf"]})
        assert done.headers["location"] == "/sessions"
        assert home.get("/").status_code == 303
        assert len(listed(ward)) == 1
        drained = ward.post("/printers/oki-1/commands", data=drain)
        assert drained.status_code == 303
        assert served.store.printers.get("oki-1").duty == "drain"
    assert [facts["user"] for event, facts in served.notes if event == "sessions ended"] == ["otto"]


def test_an_administrator_signs_a_user_out(served: ServedPage) -> None:
    """By another process, as a command is; the page that is open ends, too."""
    with served.visitor() as ward, served.visitor() as other:
        sign_in(ward, "otto")
        sign_in(other, "vera")
        with ward.stream("GET", "/events") as stream:
            lines = stream.iter_lines()
            assert next(lines) == "event: news"
            served.store.users.sign_out("otto")
            assert "event: signed-out" in list(lines)
        assert ward.get("/").status_code == 303
        assert other.get("/").status_code == 200
        assert sign_in(ward, "otto").status_code == 303


def test_what_runs_out_and_what_another_password_ends_is_not_listed(served: ServedPage) -> None:
    """As it opens nothing."""
    with served.visitor() as ward:
        sign_in(ward, "otto")
        while not (noted := served.store.sessions.of("otto")):
            pass  # it is written beside the request
        (session,) = noted
        assert open_sessions(served.store, "otto", session.used_at + 60) == [session]
        for later in (13 * 3600, MANY_S):
            assert open_sessions(served.store, "otto", session.used_at + later) == []
        served.store.users.change("otto", role=Role.VIEWER)
        assert open_sessions(served.store, "otto", session.used_at + 60) == []
        assert open_sessions(served.store, "ruth", session.used_at) == []


def test_a_locked_database_keeps_no_one_from_the_page(served: ServedPage) -> None:
    """Signing in writes nothing that is waited for, and the list has the session all the same. What
    could not be written is noted, and written later."""
    file = served.store.config.database_file
    with closing(sqlite3.connect(file, isolation_level=None)) as locking, served.visitor() as ward:
        locking.execute("BEGIN IMMEDIATE")
        assert sign_in(ward, "otto").status_code == 303
        assert len(listed(ward)) == 1
        with served.noted:
            assert served.noted.wait_for(
                lambda: any(event == "sessions not written" for event, _ in served.notes), 30
            )
        assert served.store.sessions.of("otto") == []
        locking.execute("ROLLBACK")
        with served.visitor() as home:
            sign_in(home, "otto")
            while len(served.store.sessions.of("otto")) < 2:
                pass  # both are written beside the request


def test_without_users_there_is_nothing_to_sign_out_of(tmp_path: Path) -> None:
    """The page says so."""
    with served_page(tmp_path) as served, served.visitor() as client:
        assert "There are no users" in client.get("/sessions").text


@pytest.mark.timeout(240)
@pytest.mark.parametrize("size", ["browser", "phone"])
def test_a_person_signs_out_elsewhere(
    room: PrintRoom, size: str, request: pytest.FixtureRequest
) -> None:
    """From the name at the head of each page; by buttons that say what they end."""
    window: Browser = request.getfixturevalue(size)
    add(room, "otto", "operator")
    with httpx.Client(base_url=room.url, timeout=30) as other:
        assert sign_in(other, "otto").status_code == 303
        window.go(room.url)
        window.fill("#name", "otto")
        window.fill("#password", PASSWORD)
        window.press(".sign-in", "Sign in")
        window.wait("h1", "System Overview")
        window.run("document.querySelector('header .who').click()")
        assert "this browser" in window.wait("table[aria-label='Sessions']", "127.0.0.1")
        assert window.run("return document.querySelectorAll('main tbody').length") == 2
        assert window.run("return document.documentElement.scrollWidth <= innerWidth")
        window.keep(f"sessions-{size}")
        assert not window.complaints()
        window.press("main", "Sign out everywhere else")
        window.wait("#said", "signed out everywhere else")
        assert window.run("return document.querySelectorAll('main tbody').length") == 1
        assert other.get("/").status_code == 303
        assert not window.troubles()
