"""The page behind HAProxy, which ends TLS, with the configuration of the samples."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import trustme

from broker.config.file import ConfigError, parse
from broker.web.auth.sign_in_attempts import OF_PAIR
from tests.peers.required import cannot_run
from tests.web.served_page import ServedPage, form, served_page, sign_in

SAMPLE = Path(__file__).parents[2] / "samples" / "haproxy.cfg"
PERSON, OTHER = "127.0.0.9", "127.0.0.10"
TRUSTED = 'trusted_proxy = ["127.0.0.1"]\n'


@contextlib.contextmanager
def haproxy(folder: Path, page: ServedPage) -> Iterator[tuple[str, ssl.SSLContext]]:
    """The sample before that page: its address, and what trusts its certificate."""
    if (program := shutil.which("haproxy")) is None:
        cannot_run("haproxy is not installed")
    issuer = trustme.CA()
    issuer.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(
        str(folder / "page.pem")
    )
    context = ssl.create_default_context()
    issuer.configure_trust(context)
    text = SAMPLE.read_text()
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        for old, new in (
            ("bind :443", f"bind fd@{listening.fileno()}"),
            ("/etc/haproxy/broker.pem", str(folder / "page.pem")),
            ("127.0.0.1:8080", page.url.removeprefix("http://")),
        ):
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        (folder / "haproxy.cfg").write_text(text)
        process = subprocess.Popen(
            [program, "-db", "-f", str(folder / "haproxy.cfg")], pass_fds=[listening.fileno()]
        )
        try:
            yield f"https://127.0.0.1:{listening.getsockname()[1]}", context
        finally:
            process.terminate()
            process.wait(20)


@contextlib.contextmanager
def browser_at(url: str, context: ssl.SSLContext, address: str) -> Iterator[httpx.Client]:
    """A client of that address."""
    transport = httpx.HTTPTransport(verify=context, local_address=address)
    with httpx.Client(transport=transport, base_url=url, timeout=30) as client:
        yield client


def test_signing_in_and_commands_work_behind_it(tmp_path: Path) -> None:
    """As a browser sends them, with its Origin. Cookies are for HTTPS alone, and the browser is
    told to stay with it; the log and the sessions name the person's address, whatever that person
    wrote into the headers."""
    with served_page(tmp_path, web=TRUSTED) as page, haproxy(tmp_path, page) as (url, context):
        page.add("otto")
        with browser_at(url, context, PERSON) as client:
            client.headers.update({"Origin": url, "X-Forwarded-For": "1.2.3.4"})
            answer = sign_in(client, "otto")
            assert answer.status_code == 303, answer.text
            assert "Secure" in answer.headers["set-cookie"]
            assert "strict-transport-security" in answer.headers
            drain = form(client.get("/").text, "/printers/oki-1/commands") | {"command": "drain"}
            done = client.post("/printers/oki-1/commands", data=drain)
            assert done.status_code == 303
            assert page.store.printers.get("oki-1").duty == "drain"
            assert url in client.get("/api").text
    (facts,) = [facts for event, facts in page.notes if event == "signed in"]
    assert facts["address"] == PERSON


def test_people_behind_it_are_told_apart(tmp_path: Path) -> None:
    """One who guesses passwords waits; another at another address does not."""
    with served_page(tmp_path, web=TRUSTED) as page, haproxy(tmp_path, page) as (url, context):
        page.add("otto")
        with (
            browser_at(url, context, PERSON) as guesser,
            browser_at(url, context, OTHER) as client,
        ):
            for _ in range(OF_PAIR.free):
                assert sign_in(guesser, "otto", "a wrong guess").status_code == 401
            assert sign_in(guesser, "otto").status_code == 429
            assert sign_in(client, "otto").status_code == 303


def test_without_the_key_it_is_not_believed(tmp_path: Path) -> None:
    """A sign-in is refused in words that name the key; with an Origin that fits, the address in
    the log is the proxy's."""
    with served_page(tmp_path) as page, haproxy(tmp_path, page) as (url, context):
        page.add("otto")
        with browser_at(url, context, PERSON) as client:
            refused = client.post("/sign-in", data={}, headers={"Origin": url})
            assert refused.status_code == 403
            assert "web.trusted_proxy" in refused.text
            answer = sign_in(client, "otto")
            assert answer.status_code == 303
            assert "Secure" not in answer.headers["set-cookie"]
    (facts,) = [facts for event, facts in page.notes if event == "signed in"]
    assert facts["address"] == "127.0.0.1"


@pytest.mark.parametrize("web", ["", TRUSTED], ids=["not trusted", "trusted"])
def test_without_users_nothing_passes_it(tmp_path: Path, web: str) -> None:
    """The page is for its own machine then, and a proxy hides who asks."""
    with served_page(tmp_path, web=web) as page, haproxy(tmp_path, page) as (url, context):
        with browser_at(url, context, PERSON) as client:
            refused = client.get("/", headers={"Host": "localhost"})
            assert refused.status_code == 403
            assert "a proxy passes requests on to it" in refused.text
        assert httpx.get(page.url).status_code == 200


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ('"10.0.0.1"', "is not a list"),
        ('["proxy.example"]', "is not an address or a network"),
        ('["10.0.0.5/24"]', "is not an address or a network"),
        ('["0.0.0.0/0"]', "is every address"),
        ('["::/0"]', "is every address"),
        ("[7]", "is not an address or a network"),
    ],
)
def test_the_key_takes_addresses_and_networks(written: str, words: str) -> None:
    """And says what is wrong with anything else."""
    with pytest.raises(ConfigError, match=r"web\.trusted_proxy") as caught:
        parse(f"[web]\ntrusted_proxy = {written}\n", folder=Path("/etc/broker"))
    assert words in str(caught.value)
