"""Sessions: how long they last, what ends them, and what peers without a session can do."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from broker.model.printers.printer import Duty
from broker.model.row_version import of_printer
from broker.model.user import Role
from broker.operations.passwords import hashed
from broker.web.auth.sign_in_attempts import OF_PAIR
from broker.web.auth.signin import COOKIE, DEVICE, SessionTimes
from tests.web.served_page import PASSWORD, ServedPage, served_page, sign_in, token


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedPage]:
    """With an operator, otto."""
    with served_page(tmp_path) as opened:
        opened.add("otto")
        yield opened


@pytest.fixture
def client(served: ServedPage) -> Iterator[httpx.Client]:
    """Not signed in yet."""
    with served.visitor() as visitor:
        yield visitor


def drain(served: ServedPage, client: httpx.Client, csrf: str) -> httpx.Response:
    """Send the command, as the page's form does."""
    seen = of_printer(served.store.printers.get("oki-1"))
    data = {"command": "drain", "csrf": csrf, "seen": seen}
    return client.post("/printers/oki-1/commands", data=data)


def test_a_session_that_is_renewed_keeps_its_forms(
    served: ServedPage, client: httpx.Client
) -> None:
    """The page opened before, and the one that brought the new cookie, still send commands."""
    sign_in(client, "otto")
    before = token(client.get("/"))
    served.times.fresh_s = -1
    page = client.get("/")
    assert COOKIE in page.headers.get("set-cookie", "")
    served.times.fresh_s = SessionTimes.fresh_s
    assert drain(served, client, token(page)).status_code == 303
    assert drain(served, client, before).status_code == 303


def test_signing_out_ends_a_session_that_was_due_for_renewal(
    served: ServedPage, client: httpx.Client
) -> None:
    """The next person at that browser is not signed in."""
    sign_in(client, "otto")
    csrf = token(client.get("/"))
    served.times.fresh_s = -1
    assert client.post("/sign-out", data={"csrf": csrf}).headers["location"] == "/sign-in"
    assert COOKIE not in client.cookies
    assert client.get("/").status_code == 303


def test_a_session_that_is_not_used_ends(served: ServedPage, client: httpx.Client) -> None:
    """After `idle_s` its cookie opens nothing."""
    sign_in(client, "otto")
    assert client.get("/").status_code == 200
    served.times.idle_s = -1
    assert client.get("/").headers["location"] == "/sign-in"


def test_a_command_after_the_session_leads_to_a_page(
    served: ServedPage, client: httpx.Client
) -> None:
    """The command's address is not remembered as if it were a page."""
    asked = drain(served, client, "")
    assert (asked.status_code, asked.headers["location"]) == (303, "/sign-in")


@pytest.mark.parametrize("wrong", ["[", "[::1", "[x]", "a b", ""])
def test_an_address_that_is_none_is_refused_in_words(served: ServedPage, wrong: str) -> None:
    """As a Host or an Origin; nothing fails inside, with users and without."""
    with served.visitor() as client:
        sign_in(client, "otto")
        origin = {"Origin": f"http://{wrong}"}
        csrf = token(client.get("/"))
        answer = client.post("/printers/oki-1/commands", data={"csrf": csrf}, headers=origin)
        assert answer.status_code == 403
        assert client.post("/sign-in", headers=origin).status_code == 403
    served.store.users.remove("otto")
    with served.visitor() as client:
        answer = client.get("/", headers={"Host": wrong})
        assert answer.status_code == 400
    assert not [note for note in served.notes if note[0] == "page failed"]


def test_guesses_at_once_are_counted_one_by_one(served: ServedPage) -> None:
    """No more of them are compared than of guesses one after the other: comparing takes 64 MiB. The
    others are answered at once, and told when to come again."""
    guesses = 30
    together = threading.Barrier(guesses)

    def guess(number: int) -> tuple[int, str]:
        with served.visitor() as client:
            together.wait(30)
            answer = sign_in(client, "otto", f"a wrong guess {number}")
            return answer.status_code, answer.headers.get("retry-after", "")

    with ThreadPoolExecutor(guesses) as pool:
        answers = list(pool.map(guess, range(guesses)))
    compared = answers.count((401, ""))
    assert 1 <= compared <= OF_PAIR.free
    waiting = [after for status, after in answers if status == 429]
    assert len(waiting) == guesses - compared
    assert all(int(after) >= 1 for after in waiting)


def test_what_is_typed_as_a_name_is_not_logged(served: ServedPage, client: httpx.Client) -> None:
    """It may be a password, in the wrong field; a user's own name is named."""
    sign_in(client, PASSWORD, "otto")
    sign_in(client, "otto", "a wrong guess")
    noted = [facts["user"] for event, facts in served.notes if event == "sign-in failed"]
    assert noted == ["", "otto"]
    assert PASSWORD not in str(served.notes)


def test_what_a_program_has_proved_is_known_for_a_while(
    served: ServedPage, client: httpx.Client
) -> None:
    """It is not compared again, so a program works on while new comparisons have to wait; another
    role holds at once, another password or no user ends it at once.
    """
    served.add("tool", Role.VIEWER)
    auth = ("tool", PASSWORD)
    assert client.get("/api/printers", auth=auth).status_code == 200
    for _ in range(OF_PAIR.free):
        client.get("/api/printers", auth=("tool", "a wrong guess"))
    assert client.get("/api/printers", auth=("tool", "right?")).status_code == 429
    assert client.get("/api/printers", auth=auth).status_code == 200
    assert client.post("/api/printers/oki-1/drain", auth=auth).status_code == 403
    served.store.users.change("tool", role=Role.OPERATOR)
    assert client.post("/api/printers/oki-1/drain", auth=auth).status_code == 200
    served.store.users.change("tool", hashed=hashed("another horse"))
    assert client.get("/api/printers", auth=auth).status_code == 429
    served.store.users.remove("tool")
    assert client.get("/api/printers", auth=auth).status_code == 429


def test_a_program_may_ask_many_things_at_once(served: ServedPage) -> None:
    """Its name and password are compared once for all of them, and none is told to come again; nor
    is one that brings a wrong password as often as that is free.
    """
    at_once = OF_PAIR.free
    together = threading.Barrier(at_once)

    def ask(password: str) -> int:
        with served.visitor() as client:
            together.wait(30)
            return client.get("/api/printers", auth=("otto", password)).status_code

    with ThreadPoolExecutor(at_once) as pool:
        assert list(pool.map(ask, [PASSWORD] * at_once)) == [200] * at_once
        assert list(pool.map(ask, ["a wrong guess"] * at_once)) == [401] * at_once


def test_the_live_page_ends_with_the_user(served: ServedPage, client: httpx.Client) -> None:
    """At the next news already: what changes is not shown to one who was removed."""
    sign_in(client, "otto")
    with client.stream("GET", "/events") as stream:
        lines = stream.iter_lines()
        assert next(lines) == "event: news"
        served.add("vera")  # the page is not without users then
        served.store.users.remove("otto")
        served.store.printers.set_duty("oki-1", Duty.DRAIN, "new drum")
        rest = list(lines)
    assert "event: signed-out" in rest
    assert "new drum" not in "".join(rest)


def test_a_long_address_is_not_come_back_to(client: httpx.Client) -> None:
    """The form works all the same."""
    data = {"name": "otto", "password": PASSWORD, "next": "/" + "x" * 5000}
    answer = client.post("/sign-in", data=data)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert client.get("/").status_code == 200


def test_a_wait_is_said_for_programs_too(client: httpx.Client) -> None:
    """429 with the seconds as Retry-After."""
    for _ in range(OF_PAIR.free):
        client.get("/api/printers", auth=("otto", "a wrong guess"))
    waits = client.get("/api/printers", auth=("otto", PASSWORD))
    assert waits.status_code == 429
    assert 1 <= int(waits.headers["retry-after"]) <= 2


def stolen(client: httpx.Client, served: ServedPage) -> httpx.Client:
    """Another browser with the same cookies."""
    return httpx.Client(base_url=served.url, cookies=dict(client.cookies), timeout=30)


def test_signing_out_ends_the_session_everywhere(tmp_path: Path) -> None:
    """A copy of its cookie opens nothing afterwards, also after a restart; a session in another
    browser goes on.
    """
    with served_page(tmp_path) as served:
        served.add("otto")
        with served.visitor() as client, served.visitor() as other:
            sign_in(client, "otto")
            sign_in(other, "otto")
            kept = dict(other.cookies)
            thief = stolen(client, served)
            assert thief.get("/").status_code == 200
            client.post("/sign-out", data={"csrf": token(client.get("/"))})
            assert thief.get("/").headers["location"] == "/sign-in"
            assert thief.get("/api/jobs").status_code == 401
            assert other.get("/").status_code == 200
            copied = dict(thief.cookies)
            thief.close()
    with served_page(tmp_path) as served:
        for cookies, status in ((copied, 303), (kept, 200)):
            with httpx.Client(base_url=served.url, cookies=cookies, timeout=30) as client:
                assert client.get("/").status_code == status


def test_a_renewed_copy_of_a_session_stays_signed_out(
    served: ServedPage, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signed out with an older cookie, it does not begin to work again when that one has run out,
    though another sign-out has tidied up since.
    """
    set_forward = 0.0
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + set_forward)
    monkeypatch.setattr(served.store.sessions, "_clock", time.time)
    sign_in(client, "otto")
    csrf = token(client.get("/"))
    with stolen(client, served) as thief:
        set_forward = SessionTimes.idle_s / 2
        assert COOKIE in thief.get("/").headers.get("set-cookie", "")
        client.post("/sign-out", data={"csrf": csrf})
        set_forward = SessionTimes.idle_s * 1.2
        with served.visitor() as other:
            sign_in(other, "otto")
            other.post("/sign-out", data={"csrf": token(other.get("/"))})
        assert thief.get("/").headers.get("location") == "/sign-in"


def test_an_open_page_ends_with_its_session(served: ServedPage, client: httpx.Client) -> None:
    """Signed out in one window, it is over in all windows of that browser."""
    sign_in(client, "otto")
    csrf = token(client.get("/"))
    with stolen(client, served) as window, window.stream("GET", "/events") as stream:
        lines = stream.iter_lines()
        assert next(lines) == "event: news"
        client.post("/sign-out", data={"csrf": csrf})
        assert "event: signed-out" in list(lines)


def test_a_session_has_an_end(served: ServedPage, client: httpx.Client) -> None:
    """After `life_s` it is over, though it is used all the time: renewing its cookie makes it no
    longer.
    """
    sign_in(client, "otto")
    served.times.fresh_s = -1
    assert COOKIE in client.get("/").headers.get("set-cookie", "")
    served.times.life_s = -1
    assert client.get("/").headers["location"] == "/sign-in"


def test_guesses_of_a_name_lock_no_other_name(served: ServedPage, client: httpx.Client) -> None:
    """From the same address, as behind one router; nor that user in a browser that is known."""
    served.add("vera", Role.VIEWER)
    sign_in(client, "otto")
    with served.visitor() as guesser:
        for _ in range(OF_PAIR.free):
            assert sign_in(guesser, "otto", "a wrong guess").status_code == 401
        waits = sign_in(guesser, "otto")
        assert waits.status_code == 429
        assert int(waits.headers["retry-after"]) >= 1
        assert sign_in(guesser, "vera").status_code == 303
    client.cookies.delete(COOKIE)
    assert sign_in(client, "otto").status_code == 303


def test_the_description_of_the_api_is_for_users(served: ServedPage, client: httpx.Client) -> None:
    """Where there are users, it is told to them alone."""
    assert client.get("/api/openapi.json").status_code == 401
    assert client.get("/api").headers["location"] == "/sign-in?next=%2Fapi"
    assert client.get("/api/openapi.json", auth=("otto", PASSWORD)).json()["paths"]
    served.store.users.remove("otto")
    assert client.get("/api/openapi.json").status_code == 200


def test_a_browser_that_is_known_is_known_for_one_name(
    served: ServedPage, client: httpx.Client
) -> None:
    """Its cookie is another's for any other name, opens nothing by itself, and a forged one is
    none.
    """
    sign_in(client, "otto")
    client.cookies.delete(COOKIE)
    assert client.get("/").status_code == 303
    known = client.cookies[DEVICE]
    with served.visitor() as guesser:
        for value in ("forged", known[:-2] + "xx"):
            guesser.cookies.set(DEVICE, value)
            for _ in range(OF_PAIR.free):
                sign_in(guesser, "otto", "a wrong guess")
            assert sign_in(guesser, "otto").status_code == 429
    assert sign_in(client, "otto").status_code == 303
