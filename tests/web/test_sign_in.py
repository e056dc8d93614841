"""Signing in: viewers, operators, and what is refused."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from broker.model.peers.hosts import foreign_name, is_loopback, refused
from broker.web.auth.sign_in_attempts import (
    LONGEST_S,
    OF_ADDRESS,
    OF_NAME,
    OF_PAIR,
    FailedSignIns,
    SignInAttempt,
)
from broker.web.auth.signing_key import signing_key
from tests.peers.broker_process import BROKER
from tests.web.browser import Browser
from tests.web.print_room import PrintRoom
from tests.web.served_page import form

PASSWORD = "correct horse"


def add(room: PrintRoom, name: str, role: str, password: str = PASSWORD) -> None:
    """Make a user, as an operator does in a script."""
    arguments = ["user", "add", name, "--role", role, "--password-stdin"]
    subprocess.run(
        [*BROKER, *arguments, "-c", str(room.config)],
        input=f"{password}\n",
        text=True,
        check=True,
        capture_output=True,
    )


@pytest.fixture
def staffed(room: PrintRoom) -> PrintRoom:
    """With a viewer and an operator."""
    add(room, "vera", "viewer")
    add(room, "otto", "operator")
    return room


@pytest.fixture
def client(staffed: PrintRoom) -> Iterator[httpx.Client]:
    """A browser's requests, without one."""
    with httpx.Client(base_url=staffed.url, timeout=30) as opened:
        yield opened


def sign_in(client: httpx.Client, name: str, password: str = PASSWORD) -> httpx.Response:
    """Send the form."""
    return client.post(
        "/sign-in", data={"name": name, "password": password, "next": "/?state=held"}
    )


def token(client: httpx.Client) -> str:
    """The token of a page's forms."""
    return client.get("/").text.partition('name="csrf" value="')[2].partition('"')[0]


def test_it_is_asked_for_and_refused_in_a_browser(staffed: PrintRoom, browser: Browser) -> None:
    """A wrong password says so; a viewer sees no buttons and no job's page; an operator has both,
    and commands are recorded under that name.
    """
    staffed.print(40)
    staffed.process.wait_for("job sent")
    browser.go(f"{staffed.url}/jobs/1")
    browser.wait("h1", "Sign in")
    assert not browser.complaints()
    browser.keep("sign-in-desktop")
    browser.fill("#name", "vera")
    browser.fill("#password", "wrong password")
    browser.press(".sign-in", "Sign in")
    assert "is wrong" in browser.wait("main [role=alert]", "Name or password")
    assert "an administrator of the broker sets a new" in browser.text("main [role=alert]")
    assert not browser.has("main code")
    assert browser.run("return document.querySelector('#name').value") == "vera"
    assert browser.run("return document.querySelector('#password').value") == ""
    assert browser.run("return document.activeElement.id") == "password"
    browser.keep("sign-in-refused-desktop")
    browser.fill("#name", "vera")
    browser.fill("#password", PASSWORD)
    browser.press(".sign-in", "Sign in")
    assert "vera is a viewer" in browser.wait("main", "for operators")
    browser.go(staffed.url)
    browser.wait("#job-1", "sent")
    assert not browser.has("main form[method=post]")
    browser.press("header", "Sign out")
    browser.wait("h1", "Sign in")

    browser.fill("#name", "otto")
    browser.fill("#password", PASSWORD)
    browser.press(".sign-in", "Sign in")
    browser.press("#printer-oki-2", "Drain", answer="drum")
    browser.wait("#printer-oki-2 .drain", "drain")
    browser.go(f"{staffed.url}/printers/oki-2")
    assert "otto" in browser.wait("table[aria-label='Commands']", "drain")


def test_a_page_without_a_session_leads_to_the_form(client: httpx.Client) -> None:
    """Pages lead there and remember what was wanted; the API answers in JSON, and a browser, which
    has cookies, asks for no password above the page; what tells nothing needs no session.
    """
    asked = client.get("/jobs/1?x=1")
    assert (asked.status_code, asked.headers["location"]) == (
        303,
        "/sign-in?next=%2Fjobs%2F1%3Fx%3D1",
    )
    assert client.get("/api/jobs").status_code == 401
    assert "HTTP Basic" in client.get("/api/jobs").json()["error"]
    assert client.get("/api/jobs").headers["www-authenticate"].startswith("Basic ")
    client.cookies.set("broker_session", "over")
    assert client.get("/api/jobs").headers["www-authenticate"].startswith("Session ")
    assert client.get("/static/page.css").status_code == 200


def test_the_session_ends_with_the_user(staffed: PrintRoom, client: httpx.Client) -> None:
    """Another password, another role, or no user any more: a browser that was signed in is not."""
    answer = sign_in(client, "otto")
    assert answer.headers["location"] == "/?state=held"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert client.get("/").status_code == 200
    staffed.broker("user", "role", "otto", "viewer")
    assert client.get("/").status_code == 303
    sign_in(client, "otto")
    assert client.get("/jobs/1").status_code == 403
    staffed.broker("user", "remove", "otto")
    assert client.get("/").status_code == 303


def test_signing_in_leads_to_no_other_host(client: httpx.Client) -> None:
    """Only a page of this broker comes after signing in."""
    for wanted in ("https://elsewhere/", "//elsewhere", "/\\elsewhere", "x", ""):
        data = {"name": "otto", "password": PASSWORD, "next": wanted}
        assert client.post("/sign-in", data=data).headers["location"] == "/", wanted


def test_another_page_cannot_give_commands(client: httpx.Client) -> None:
    """Without the page's token, with one of another session, or sent from elsewhere: nothing is
    done.
    """
    sign_in(client, "otto")
    order = form(client.get("/").text, "/printers/oki-1/commands") | {"command": "drain"}
    right = order.pop("csrf")
    assert client.post("/printers/oki-1/commands", data=order).status_code == 403
    assert (
        client.post("/printers/oki-1/commands", data=order | {"csrf": "0" * 64}).status_code == 403
    )
    forged = client.post(
        "/printers/oki-1/commands",
        data=order | {"csrf": right},
        headers={"Origin": "http://elsewhere.example"},
    )
    assert forged.status_code == 403
    assert client.get("/api/printers/oki-1").json()["duty"] == "ready"
    assert client.post("/api/printers/oki-1/drain").status_code == 403
    done = client.post("/printers/oki-1/commands", data=order | {"csrf": right})
    assert done.status_code == 303
    assert client.get("/api/printers/oki-1").json()["duty"] == "drain"


def test_a_program_brings_name_and_password(client: httpx.Client) -> None:
    """HTTP Basic on each request, no token; a viewer gives no commands."""
    otto, vera = ("otto", PASSWORD), ("vera", PASSWORD)
    assert client.get("/api/printers", auth=vera).status_code == 200
    assert client.post("/api/printers/oki-1/drain", auth=vera).status_code == 403
    assert client.post("/api/printers/oki-1/drain", auth=otto).status_code == 200
    assert client.get("/api/printers", auth=("otto", "wrong word")).status_code == 401
    orders = client.get("/api/printers/oki-1", auth=otto).json()["orders"]
    assert [each["who"] for each in orders] == ["otto"]


def test_signing_in_is_no_warning(client: httpx.Client, staffed: PrintRoom) -> None:
    """The page's process logs it as information, as it is usual."""
    assert sign_in(client, "otto").status_code == 303
    assert staffed.process.wait_for("signed in", user="otto")["level"] == "info"


def test_guessing_is_slowed_down(client: httpx.Client, staffed: PrintRoom) -> None:
    """After a few failures even the right password waits; the log has each, and no password."""
    for _ in range(OF_PAIR.free):
        assert sign_in(client, "otto", "a wrong guess").status_code == 401
    waits = sign_in(client, "otto")
    assert waits.status_code == 429
    assert "until then no password is tried, the right one neither" in waits.text
    failed = staffed.process.wait_for("sign-in failed", user="otto")
    assert "guess" not in str(failed)
    assert failed["level"] == "warning"


def test_on_this_machine_without_users_there_is_no_signing_in(room: PrintRoom) -> None:
    """The page answers to this machine's own names alone, so that no page elsewhere reads it."""
    assert httpx.get(room.url).status_code == 200
    away = httpx.get(room.url, headers={"Host": "evil.example:80"})
    assert away.status_code == 400
    assert "localhost" in away.text


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
     ("10.0.0.4", False), ("broker.example", False)],
)  # fmt: skip
def test_other_addresses_need_users(host: str, loopback: bool) -> None:
    """Where others reach the page it is not served until there is a user."""
    assert is_loopback(host) is loopback
    assert bool(refused(host, any_users=False)) is not loopback
    assert not refused(host, any_users=True)


def test_the_page_waits_for_its_first_user(tmp_path: Path) -> None:
    """On every address without users it is not served, and the log says what to do; films go on.
    The first user opens it.
    """
    from tests.peers.broker_process import BrokerProcess

    config = tmp_path / "broker.toml"
    config.write_text('[broker]\nhost = "127.0.0.1"\nport = 0\n[web]\nhost = "0.0.0.0"\nport = 0\n')
    with BrokerProcess(config, web=True) as process:
        assert "broker user add" in process.wait_for("page not served")["why"]
        subprocess.run(
            [*BROKER, "user", "add", "otto", "--password-stdin", "-c", str(config)],
            input=f"{PASSWORD}\n",
            text=True,
            check=True,
            capture_output=True,
        )
        assert process.wait_for("page served")["port"] > 0


@pytest.mark.parametrize("name", ["localhost:8080", "127.0.0.1", "[::1]:8080"])
def test_own_names_are_known(name: str) -> None:
    """As browsers send them."""
    assert foreign_name(name) == ""
    assert "localhost" in foreign_name("broker.example:8080")


def test_waits_grow_and_are_forgotten() -> None:
    """A few failures are free; then the wait doubles up to the longest, and success ends it."""
    now = 0.0
    failed = FailedSignIns(lambda: now)
    otto = SignInAttempt("otto", "10.0.0.1")
    for _ in range(OF_PAIR.free):
        assert failed.wait_s(otto) == 0
        failed.failed(otto)
    first = failed.wait_s(otto)
    failed.failed(otto)
    assert failed.wait_s(otto) == 2 * first
    for _ in range(30):
        failed.failed(otto)
    assert failed.wait_s(otto) == LONGEST_S
    now += LONGEST_S
    assert failed.wait_s(otto) == 0
    failed.succeeded(otto)
    for _ in range(OF_PAIR.free):
        assert failed.wait_s(otto) == 0
        failed.failed(otto)
    assert failed.wait_s(otto) > 0


def test_guesses_of_one_name_keep_no_other_waiting() -> None:
    """Not at that address, and not that name at another; only far more of them do."""
    failed = FailedSignIns(lambda: 0.0)
    for _ in range(OF_PAIR.free + 3):
        failed.failed(SignInAttempt("otto", "10.0.0.1"))
    assert failed.wait_s(SignInAttempt("otto", "10.0.0.1")) > 0
    assert failed.wait_s(SignInAttempt("vera", "10.0.0.1")) == 0
    assert failed.wait_s(SignInAttempt("otto", "10.0.0.2")) == 0


def test_an_address_that_guesses_many_names_waits() -> None:
    """As a whole, whatever name comes next, and signing in as one of them does not end that; other
    addresses do not wait, and neither does a browser that is known there, nor a program that has
    signed in there before.
    """
    failed = FailedSignIns(lambda: 0.0)
    failed.succeeded(SignInAttempt("tool", "10.0.0.1"))
    for number in range(OF_ADDRESS.free):
        failed.failed(SignInAttempt(f"user-{number}", "10.0.0.1"))
    assert failed.wait_s(SignInAttempt("otto", "10.0.0.1")) > 0
    failed.succeeded(SignInAttempt("mallory", "10.0.0.1"))
    assert failed.wait_s(SignInAttempt("otto", "10.0.0.1")) > 0
    assert failed.wait_s(SignInAttempt("otto", "10.0.0.2")) == 0
    assert failed.wait_s(SignInAttempt("otto", "10.0.0.1", device="4f")) == 0
    assert failed.wait_s(SignInAttempt("tool", "10.0.0.1")) == 0
    assert failed.wait_s(SignInAttempt("tool", "10.0.0.2")) == 0


def test_a_name_that_many_addresses_guess_is_guessed_slowly() -> None:
    """A guess every few seconds in all, so that its user is kept for moments only; where its user
    has signed in before, from that browser or address, there is no wait.
    """
    now = 0.0
    failed = FailedSignIns(lambda: now)
    failed.succeeded(SignInAttempt("otto", "10.9.9.9"))
    for number in range(5000):
        failed.failed(SignInAttempt("otto", f"10.0.{number // 250}.{number % 250}"))
    waits = failed.wait_s(SignInAttempt("otto", "10.1.0.1"))
    assert 0 < waits <= OF_NAME.longest_s
    assert failed.wait_s(SignInAttempt("vera", "10.1.0.1")) == 0
    assert failed.wait_s(SignInAttempt("otto", "10.9.9.9")) == 0
    assert failed.wait_s(SignInAttempt("otto", "10.1.0.1", device="4f")) == 0
    now += waits
    assert failed.wait_s(SignInAttempt("otto", "10.1.0.1")) == 0


def test_a_known_browser_has_its_own_count() -> None:
    """A stolen one guesses no faster than any other."""
    failed = FailedSignIns(lambda: 0.0)
    for _ in range(OF_PAIR.free):
        failed.failed(SignInAttempt("otto", "10.0.0.1", device="4f"))
    assert failed.wait_s(SignInAttempt("otto", "10.0.0.1", device="4f")) > 0
    assert failed.wait_s(SignInAttempt("otto", "10.0.0.1", device="5a")) == 0


def test_typing_errors_of_months_do_not_add_up() -> None:
    """Failures are forgotten with time: a ward behind one address is not kept waiting at last."""
    now = 0.0
    failed = FailedSignIns(lambda: now)
    for number in range(10 * OF_ADDRESS.free):
        assert failed.wait_s(SignInAttempt(f"user-{number % 40}", "10.0.0.1")) == 0
        failed.failed(SignInAttempt(f"user-{number % 40}", "10.0.0.1"))
        now += 300.0


def test_the_key_is_made_once_and_private(tmp_path: Path) -> None:
    """Sessions outlive a restart; no other user reads the key; half a key is replaced."""
    key = signing_key(tmp_path)
    assert signing_key(tmp_path) == key
    assert (tmp_path / "web.key").stat().st_mode & 0o777 == 0o600
    (tmp_path / "web.key").write_bytes(key[:5])
    assert len(signing_key(tmp_path)) == len(key)
