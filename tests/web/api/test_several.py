"""The API's commands: on several at once, and no value that a command does not take."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from broker.model.jobs.job import State
from broker.model.printers.printer import Duty
from tests.cli.conftest import Site, site
from tests.web.served_page import form, served_page

__all__ = ["site"]


@pytest.fixture
def api(site: Site) -> Iterator[httpx.Client]:
    """A program on this machine."""
    with served_page(site.folder) as served, served.visitor() as client:
        its = form(client.get("/").text, "/printers/oki-1/commands")
        client.headers["X-CSRF-Token"] = its["csrf"]
        yield client


def test_several_jobs_at_once(site: Site, api: httpx.Client) -> None:
    """What was done and what was refused, one by one, with the version of what has changed."""
    site.job(), site.sent(), site.job()
    seen = {each["id"]: each["version"] for each in api.get("/api/jobs").json()}
    site.jobs.commands.hold(3)
    jobs = [*({"id": number, "seen": seen[number]} for number in (1, 2, 3)), {"id": 9}]
    done = api.post("/api/jobs/commands", json={"command": "hold", "reason": "why", "jobs": jobs})
    assert done.status_code == 200
    found = done.json()
    assert [(each["id"], each["done"]) for each in found] == [
        (1, True), (2, False), (3, False), (9, False)
    ]  # fmt: skip
    assert "job 2 is sent" in found[1]["words"]
    assert "job 3 has changed since you looked" in found[2]["words"]
    assert found[2]["version"] == api.get("/api/jobs/3").json()["version"]
    assert "there is no job 9" in found[3]["words"]
    assert site.jobs.queries.get(1).reason == "held by the operator: why"


def test_several_printers_at_once(site: Site, api: httpx.Client) -> None:
    """Likewise."""
    printers = [{"name": "oki-1"}, {"name": "oki-9"}, {"name": "oki-2"}]
    asked = {"command": "drain", "reason": "new drum", "printers": printers}
    found = api.post("/api/printers/commands", json=asked).json()
    assert [each["done"] for each in found] == [True, False, True]
    assert "there is no printer oki-9" in found[1]["words"]
    assert {each.duty for each in site.printers.list()} == {Duty.DRAIN}


@pytest.mark.parametrize(
    ("command", "body", "words"),
    [
        ("move", {}, 'move needs `printer`: a name, or "" for any printer'),
        ("priority", {}, "priority needs `priority`"),
        ("hold", {"printer": "oki-1"}, "hold does not take printer; it takes reason"),
        ("cancel", {"reason": "x"}, "cancel does not take reason; it takes no values"),
        ("hold", {"reson": "x"}, "reson"),
        ("reprint", {"copies": 0}, "0 is not a number of copies"),
        ("reprint", {"films": [2]}, "there is no film 2"),
    ],
)
def test_what_a_command_does_not_take_is_named(
    site: Site, api: httpx.Client, command: str, body: dict[str, object], words: str
) -> None:
    """422, and nothing is done; an empty body means no default where one is needed."""
    site.sent() if command == "reprint" else site.job()
    before = site.jobs.queries.list()
    answer = api.post(f"/api/jobs/1/{command}", json=body)
    assert (answer.status_code, words in answer.json()["error"]) == (422, True), answer.text
    several = {**body, "command": command, "jobs": [{"id": 1}]}
    answer = api.post("/api/jobs/commands", json=several)
    said = answer.json()
    assert words in (said["error"] if "error" in said else said[0]["words"])
    assert site.jobs.queries.list() == before


def test_an_emergency_and_a_chosen_reprint(site: Site, api: httpx.Client) -> None:
    """By the fields of the same names as the command line's options."""
    site.job(), site.sent(films=2), site.job()
    first = api.post("/api/jobs/3/priority", json={"priority": "HIGH", "first": True})
    assert "priority HIGH; no jobs before it" in first.json()["words"]
    again = api.post("/api/jobs/2/reprint", json={"films": [2], "elsewhere": True})
    assert again.status_code == 200, again.text
    assert "1 film of job 2 again, not for oki-1" in again.json()["words"]
    assert site.jobs.queries.get(4).state is State.QUEUED


def test_several_emergencies_keep_their_order(site: Site, api: httpx.Client) -> None:
    """All before those that wait, the oldest of them first."""
    for _ in range(4):
        site.job()
    jobs = [{"id": number} for number in (2, 3, 4)]
    asked = {"command": "priority", "priority": "HIGH", "first": True, "jobs": jobs}
    found = api.post("/api/jobs/commands", json=asked).json()
    assert [each["id"] for each in found if each["done"]] == [2, 3, 4]
    assert [each.id for each in site.jobs.queries.waiting()] == [2, 3, 4, 1]


def test_a_job_whose_film_cannot_be_read_stops_no_other(site: Site, api: httpx.Client) -> None:
    """It is cancelled, too: what is damaged is what a person gives up."""
    for _ in range(3):
        site.job()
    with site.database.write() as connection:
        connection.exec_driver_sql("UPDATE films SET content = 'none' WHERE job_id = 2")
    asked = {"command": "cancel", "jobs": [{"id": number} for number in (1, 2, 3)]}
    found = api.post("/api/jobs/commands", json=asked).json()
    assert [each["done"] for each in found] == [True, True, True], found
    assert {job.state for job in site.jobs.queries.list()} == {State.CANCELLED}
    ended = site.broker("jobs", "reprint", "1", "2", "3")
    assert ended.code == 1
    assert ended.out.count("is queued") == 2
    assert "job 2 is cancelled" in ended.err


@pytest.mark.parametrize("cursor", ["-" + "9" * 20, "0", "9" * 18])
def test_no_cursor_is_too_far(site: Site, api: httpx.Client, cursor: str) -> None:
    """An empty page, or the first one."""
    site.job()
    for address in ("/?state=sent", "/commands?job=1"):
        assert api.get(f"{address}&cursor={cursor}").status_code == 200
