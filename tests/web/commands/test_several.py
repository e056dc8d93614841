"""One command from a page on several jobs or printers at once."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from broker.model.jobs.job import State
from broker.model.printers.printer import Duty
from tests.cli.conftest import Site, site
from tests.web.served_page import form, served_page, words

__all__ = ["site"]

JOBS, PRINTERS = "/jobs/commands", "/printers/commands"
SCRIPT = {"Accept": "application/json"}


@pytest.fixture
def client(site: Site) -> Iterator[httpx.Client]:
    """A browser on this machine."""
    with served_page(site.folder) as served, served.visitor() as visitor:
        yield visitor


def ticked(client: httpx.Client, kind: str) -> list[str]:
    """What the check boxes of all rows would send."""
    rows = client.get(f"/api/{kind}").json()
    return [f"{row['id' if kind == 'jobs' else 'name']}:{row['version']}" for row in rows]


def csrf(client: httpx.Client) -> str:
    """The token of the page's forms."""
    return form(client.get("/").text, "/printers/oki-1/commands")["csrf"]


def test_the_person_is_asked_once_and_told_of_each(site: Site, client: httpx.Client) -> None:
    """How many, of whom, how many films; then what was done and what was refused, one by one."""
    site.job(films=2), site.sent(), site.job()
    jobs = ticked(client, "jobs")
    site.jobs.commands.hold(3)
    sent = {"csrf": csrf(client), "command": "cancel", "job": jobs}
    page = client.post(JOBS, data=sent)
    assert "Cancel 3 jobs (CT1 3): 3 films?" in words(page.text)
    assert site.jobs.queries.get(1).state is State.QUEUED
    done = words(client.post(JOBS, data=sent | {"confirmed": "1"}).text)
    assert "Cancel: 1 of 3 jobs done" in done
    assert "job 1 is cancelled" in done
    assert "job 2 is sent" in done
    assert "job 3 has changed since you looked" in done
    assert site.jobs.queries.get(3).state is State.HELD


def test_a_script_gets_the_question_and_the_results(site: Site, client: httpx.Client) -> None:
    """As a row's own command."""
    site.job(), site.job()
    # In the order of the rows, which is that of the numbers.
    sent = {"csrf": csrf(client), "command": "emergency", "job": ticked(client, "jobs")[::-1]}
    asked = client.post(JOBS, data=sent, headers=SCRIPT)
    assert asked.status_code == 409
    assert asked.json()["asks"] == "Put to the front 2 jobs (CT1 2): 2 films? Jobs 1, 2."
    done = client.post(JOBS, data=sent | {"confirmed": "1"}, headers=SCRIPT).json()
    assert done["words"] == "emergency: 2 of 2 jobs done"
    assert [each["done"] for each in done["results"]] == [True, True]
    assert [each.id for each in site.jobs.queries.waiting()] == [1, 2]


def test_printers(site: Site, client: httpx.Client) -> None:
    """Likewise; one that another has set meanwhile is left as it is."""
    printers = ticked(client, "printers")
    site.printers.set_duty("oki-2", Duty.MAINT, "new drum")
    sent = {"csrf": csrf(client), "command": "drain", "printer": printers, "reason": "moving"}
    assert "Drain 2 printers: oki-1, oki-2?" in words(client.post(PRINTERS, data=sent).text)
    done = words(client.post(PRINTERS, data=sent | {"confirmed": "1"}).text)
    assert "Drain: 1 of 2 printers done" in done
    duties = {each.name: (each.duty, each.duty_reason) for each in site.printers.list()}
    assert duties == {"oki-1": (Duty.DRAIN, "moving"), "oki-2": (Duty.MAINT, "new drum")}


@pytest.mark.parametrize(
    ("path", "data", "said"),
    [
        (JOBS, {"command": "cancel"}, "nothing is ticked"),
        (JOBS, {"command": "burn", "job": ["1:a"]}, "burn is not a command for jobs"),
        (JOBS, {"command": "hold", "job": ["1"]}, "does not say what was seen"),
        (JOBS, {"command": "hold", "job": ["x:a"]}, "x is not a job's number"),
        (PRINTERS, {"command": "hold", "printer": ["oki-1:a"]}, "use drain, maint, halt, ready"),
        (PRINTERS, {"command": "drain"}, "nothing is ticked"),
    ],
)
def test_what_makes_no_sense_is_named(
    site: Site, client: httpx.Client, path: str, data: dict[str, object], said: str
) -> None:
    """422, and nothing is done."""
    site.job()
    answer = client.post(path, data={"csrf": csrf(client), **data}, headers=SCRIPT)
    assert (answer.status_code, said in answer.json()["error"]) == (422, True), answer.text
    assert site.jobs.queries.get(1).state is State.QUEUED
