"""What changes, as it changes, for programs."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from broker.web.api.documents import EventDocument
from broker.web.rendering.event_streams import BY_KEY
from tests.cli.conftest import PATIENT, Site, site
from tests.web.api.test_description import holds
from tests.web.served_page import PASSWORD, ServedPage, served_page

__all__ = ["site"]


@pytest.fixture
def served(site: Site) -> Iterator[ServedPage]:
    """One job that waits."""
    site.job()
    with served_page(site.folder) as page:
        yield page


@contextlib.contextmanager
def events(url: str, auth: tuple[str, str] | None = None) -> Iterator[Iterator[Any]]:
    """Name and data of each event of a stream."""

    def read(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
        name = ""
        for line in lines:
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                text = line.removeprefix("data: ")
                yield name, json.loads(text) if text else None

    with httpx.stream("GET", f"{url}/api/events", auth=auth, timeout=60) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        yield read(answer.iter_lines())


def test_first_all_then_what_changes(site: Site, served: ServedPage) -> None:
    """The broker, each printer, each job; then only the job that was held, with its new version;
    nothing of a patient."""
    with events(served.url) as stream:
        first = [next(stream) for _ in range(4)]
        assert [(name, each["id"]) for name, each in first] == [
            ("broker", ""), ("printer", "oki-1"), ("printer", "oki-2"), ("job", "1")
        ]  # fmt: skip
        site.jobs.commands.hold(1)
        name, changed = next(stream)
        for _, each in [*first, (name, changed)]:
            holds(EventDocument, each)
        assert (name, changed["id"], changed["state"]) == ("job", "1", "held")
        now = httpx.get(f"{served.url}/api/jobs/1").json()
        assert changed["version"] == now["version"] != first[3][1]["version"]
        site.up("oki-2")
        name, changed = next(stream)
        assert (name, changed["id"], changed["state"]) == ("printer", "oki-2", "ready up")
        assert PATIENT not in str([first, changed])


def test_a_stream_ends_with_its_user(site: Site, served: ServedPage) -> None:
    """It says so."""
    served.add("anna")
    served.add("otto")
    with events(served.url, ("anna", PASSWORD)) as stream:
        next(stream)
        served.store.users.remove("anna")
        site.jobs.commands.hold(1)
        assert "signed-out" in [name for name, _ in stream]


def test_streams_are_limited_as_pages_are(served: ServedPage) -> None:
    """429 with Retry-After for one too many of an address."""
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(events(served.url)) for _ in range(BY_KEY)]
        assert {next(stream)[0] for stream in streams} == {"broker"}
        refused = httpx.get(f"{served.url}/api/events", timeout=30)
    assert refused.status_code == 429
    assert refused.headers["Retry-After"]
