"""Nicknames of modalities on the page and in its API: beside the AE title, and found by."""

from __future__ import annotations

import contextlib
import csv
import io
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from broker.model.jobs.job import Level, PrintRequest
from broker.model.peers.caller import Caller
from broker.model.peers.refusal import Refusal
from broker.store.refusals import Counted, CountedOfCaller
from tests.cli.conftest import FILM, PATIENT
from tests.web.print_room import PrintRoom
from tests.web.served_page import ServedPage, served_page, words

NICKNAMES = """
[[modalities]]
ae_title = "CT1"
nickname = "CT, <ground> floor"
"""
ESCAPED = "CT, &lt;ground&gt; floor"


@pytest.fixture
def page(tmp_path: Path) -> Iterator[ServedPage]:
    """A job of CT1 and one of MR1; both were refused something."""
    with served_page(tmp_path, web=NICKNAMES) as served:
        for title in ("CT1", "MR1"):
            served.store.submission.add(
                PrintRequest(
                    calling_ae=title,
                    called_ae="BROKER",
                    peer="10.0.0.9:4000",
                    film_session=title,
                    level=Level.FILM_BOX,
                    session={"FilmSessionLabel": (PATIENT,)},
                    films=(FILM,),
                )
            )
        now, kind = time.time(), Refusal.WRONG_REQUEST
        served.store.refusals.add(
            {kind: Counted(1, now, now, "CT1@10.0.0.9", "10.0.0.9:4000", "BROKER")},
            {(kind, Caller("CT1", "10.0.0.9")): CountedOfCaller(1, now, now, "why")},
        )
        yield served


@pytest.fixture
def client(page: ServedPage) -> Iterator[httpx.Client]:
    """A browser without scripts."""
    with page.visitor() as visitor:
        yield visitor


def test_the_list_shows_the_nickname_and_finds_by_it(client: httpx.Client) -> None:
    """Beside the AE title; the field offers both; the filter says which modality was meant."""
    listed = client.get("/").text
    assert f"CT1</a><br><small>{ESCAPED}</small>" in listed
    assert f'<option value="CT1">{ESCAPED}</option>' in listed
    assert '<option value="MR1"></option>' in listed
    found = client.get("/", params={"modality": "ct, <GROUND> floor"})
    assert 'id="job-1"' in found.text
    assert 'id="job-2"' not in found.text
    assert "1 job from modality ct, <GROUND> floor (CT1)" in words(found.text)


def test_the_page_of_a_job_names_its_modality_so(client: httpx.Client) -> None:
    """And so do questions, the last 24 hours and the refusals."""
    shown = words(client.get("/jobs/1").text)
    assert "CT1 (CT, <ground> floor) at 10.0.0.9:4000" in shown
    assert f"CT1<br><small>{ESCAPED}</small>" in client.get("/day").text
    refused = client.get("/refusals").text
    assert f"CT1<br><small>{ESCAPED}</small><br><small>10.0.0.9</small>" in refused
    assert "CT1 (CT, <ground> floor) at 10.0.0.9" in words(client.get("/").text)


def test_the_api_has_the_nickname_in_a_field_of_its_own(client: httpx.Client) -> None:
    """Empty for a modality without one; filters take the same names as the page's."""
    listed = client.get("/api/jobs").json()
    assert [(each["calling_ae"], each["calling_nickname"]) for each in listed] == [
        ("MR1", ""),
        ("CT1", "CT, <ground> floor"),
    ]
    wanted = {"modality": "ct, <ground> floor"}
    assert [each["id"] for each in client.get("/api/jobs", params=wanted).json()] == [1]
    assert client.get("/api/jobs/1").json()["calling_nickname"] == "CT, <ground> floor"
    rows = csv.DictReader(io.StringIO(client.get("/jobs.csv", params=wanted).text))
    assert [each["calling_nickname"] for each in rows] == ["CT, <ground> floor"]
    days = client.get("/api/day").json()["modalities"]
    assert {each["name"]: each["calling_nickname"] for each in days} == {
        "CT1": "CT, <ground> floor",
        "MR1": "",
    }
    (kind,) = client.get("/api/refusals").json()
    assert [each["calling_nickname"] for each in kind["callers"]] == ["CT, <ground> floor"]


def test_a_reload_takes_nicknames_over(room: PrintRoom) -> None:
    """The page that is served again has them, and so have commands at once."""
    room.print(40)
    room.process.wait_for("job sent")
    room.config.write_text(room.config.read_text() + NICKNAMES)
    assert room.jobs()[0]["calling_nickname"] == "CT, <ground> floor"
    room.process.send(signal.SIGHUP)
    room.process.wait_for("configuration read again")
    pause = threading.Event()
    transport = httpx.HTTPTransport(retries=3)
    with httpx.Client(base_url=room.url, transport=transport, timeout=30) as client:
        for _ in range(400):
            # The page before may answer until it ends, or break off.
            with contextlib.suppress(httpx.TransportError):
                if client.get("/api/jobs").json()[0]["calling_nickname"]:
                    break
            pause.wait(0.05)
        assert "CT1 (CT, <ground> floor)" in words(client.get("/jobs/1").text)
