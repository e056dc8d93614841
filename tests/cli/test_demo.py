"""`broker demo` with its page: what a person who tries the broker is shown, and where to look."""

from __future__ import annotations

import json
import re
import shlex
import socket
from pathlib import Path

import httpx
import pytest

from tests.peers.broker_process import PATIENCE_S, command
from tests.peers.demo_process import UP, DemoProcess, page_in

pytestmark = pytest.mark.timeout(240)


def test_it_stays_up_with_something_to_look_at(tmp_path: Path) -> None:
    """The page's address comes first, and a browser is opened on it. In the end it is said where
    to look: page, AE title and port, folder, commands with the file. One printer has a film jam,
    and one film waits for a person: it is on paper, and its printer never said so. Ctrl-C ends all
    of it."""
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}.new && mv {opened}.new {opened}\n')
    browser.chmod(0o755)
    options = ("--keep-running", "--open")
    with DemoProcess(tmp_path / "a demo", *options, BROWSER=f"{browser} %s") as demo:
        url = page_in(demo.line())
        demo.until("All 30 films came out exactly once")
        said = demo.until(UP)
        assert opened.read_text().strip() == url

        assert page_in(said) == url
        assert str(demo.folder) in said
        port = re.search(r"AE title BROKER, 127\.0\.0\.1, port (\d+)", said)
        assert port
        with socket.create_connection(("127.0.0.1", int(port[1])), PATIENCE_S):
            pass
        with httpx.Client(transport=httpx.HTTPTransport(retries=3), timeout=PATIENCE_S) as page:
            shown = page.get(url)
        assert shown.status_code == 200
        assert "FILM JAM" in shown.text

        jobs = json.loads(command("jobs", "--all", "--json", config=demo.file).stdout)
        (held,) = [job for job in jobs if job["state"] == "held"]
        assert "uncertain" in held["reason"]
        named = f"-c {shlex.quote(str(demo.file))}"
        assert f"broker jobs explain {held['id']} {named}\n" in said
        assert len(list(demo.folder.glob("oki-*/*.png"))) == 31
        printers = json.loads(command("printers", "--json", config=demo.file).stdout)
        assert len(printers) == 4
        (jammed,) = [each for each in printers if each["health"] != "up"]
        assert "FILM JAM" in jammed["reason"]

        demo.interrupt()
        code, said = demo.rest()
        assert code == 0
        assert "Stopped." in said
    with pytest.raises(httpx.TransportError):
        httpx.get(url)


def test_the_port_of_the_page_can_be_chosen(tmp_path: Path) -> None:
    """It is that one; where another program has it, the demo says so and ends with exit code 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with DemoProcess(tmp_path / "taken", "--web-port", str(port)) as demo:
            code, said = demo.rest()
        assert code == 1
        assert "in use" in said
        assert "--web-port names another port" in said
    with DemoProcess(tmp_path / "free", "--web-port", str(port)) as demo:
        assert page_in(demo.line()) == f"http://127.0.0.1:{port}/"


def test_without_a_browser_the_page_is_named(tmp_path: Path) -> None:
    """On a machine without a screen `--open` says where the page is, and the demo goes on."""
    none = {"BROWSER": "", "DISPLAY": "", "WAYLAND_DISPLAY": ""}
    with DemoProcess(tmp_path / "demo", "--open", **none) as demo:
        url = page_in(demo.line())
        code, said = demo.rest()
    assert code == 0
    assert f"No browser could be opened here; the page is {url}" in said
