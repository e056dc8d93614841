"""Commands from a page and from the API are for what the person saw (promise 12)."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from broker.model.jobs.job import State
from broker.model.printers.printer import Duty
from tests.cli.conftest import Site, site
from tests.web.served_page import ServedPage, form, served_page, words

__all__ = ["site"]


@pytest.fixture
def served(site: Site) -> Iterator[ServedPage]:
    """The page over the site's queue, where this machine is the operator."""
    with served_page(site.folder) as page:
        yield page


JOB = "/jobs/1/commands"
SCRIPT = {"Accept": "application/json"}


def test_a_form_asks_before_a_film_is_printed_again(site: Site, served: ServedPage) -> None:
    """Without script a page asks with number, modality and films, and one reprint is made."""
    site.sent(films=2)
    with served.visitor() as client:
        sent = form(client.get("/").text, JOB) | {"command": "reprint"}
        page = client.post(JOB, data=sent)
        assert "Print job 1 of CT1 again: 2 films?" in words(page.text)
        assert len(site.jobs.queries.list()) == 1
        confirmed = form(page.text, JOB)
        assert confirmed == sent | {"confirmed": "1", "reason": "", "printer": "", "priority": ""}
        done = client.post(JOB, data=confirmed, follow_redirects=True)
        assert "job 2 is queued: 2 films of job 1 again" in words(done.text)


def test_a_second_tab_makes_no_second_film(site: Site, served: ServedPage) -> None:
    """It is told that the job was printed again; a new look at it within a minute asks."""
    site.sent()
    with served.visitor() as client:
        tabs = [
            form(client.get("/").text, JOB) | {"command": "reprint", "confirmed": "1"}
            for _ in range(2)
        ]
        answers = [client.post(JOB, data=tab, headers=SCRIPT) for tab in tabs]
        assert [each.status_code for each in answers] == [200, 412]
        assert "job 1 has changed since you looked" in answers[1].json()["error"]
        assert "printed again as job 2" in answers[1].json()["error"]
        assert len(site.jobs.queries.list()) == 2

        looked = form(client.get("/").text, JOB) | {"command": "reprint", "confirmed": "1"}
        answer = client.post(JOB, data=looked, headers=SCRIPT)
        assert answer.status_code == 409
        assert "Print it once more?" in answer.json()["asks"]
        page = client.post(JOB, data=looked)
        assert "Print it once more?" in words(page.text)
        assert len(site.jobs.queries.list()) == 2
        client.post(JOB, data=form(page.text, JOB))
        assert len(site.jobs.queries.list()) == 3


def test_a_row_that_was_settled_meanwhile_takes_no_command(site: Site, served: ServedPage) -> None:
    """Also where the new state would take it: a job that was released, and is held again."""
    site.jobs.commands.hold(site.job(), "held by the operator: wrong film size")
    with served.visitor() as client:
        sent = form(client.get("/").text, JOB) | {"command": "release", "confirmed": "1"}
        site.jobs.commands.release(1)
        site.jobs.commands.hold(1, "held by the operator: the patient's name is wrong")
        page = client.post(JOB, data=sent, follow_redirects=True)
        assert "job 1 has changed since you looked: it is held" in words(page.text)
        assert site.jobs.queries.get(1).state is State.HELD


@pytest.mark.parametrize("path", [JOB, "/printers/oki-1/commands"])
def test_a_form_that_does_not_say_what_was_seen_does_nothing(
    site: Site, served: ServedPage, path: str
) -> None:
    """One that an earlier version's page sends."""
    site.job()
    with served.visitor() as client:
        csrf = form(client.get("/").text, JOB)["csrf"]
        for command in ("hold", "drain"):
            answer = client.post(path, data={"csrf": csrf, "command": command}, headers=SCRIPT)
            assert answer.status_code == 422
    assert site.jobs.queries.get(1).state is State.QUEUED
    assert site.printers.get("oki-1").duty is Duty.READY


def test_a_printer_that_another_has_set_is_not_set(site: Site, served: ServedPage) -> None:
    """The answer names who stands at it now by the reason that was given."""
    path = "/printers/oki-1/commands"
    with served.visitor() as client:
        sent = form(client.get("/").text, path) | {"command": "ready"}
        site.printers.set_duty("oki-1", Duty.MAINT, "Ruth changes the drum")
        answer = client.post(path, data=sent, headers=SCRIPT)
        assert answer.status_code == 412
        assert "it is maint: Ruth changes the drum" in answer.json()["error"]
        assert site.printers.get("oki-1").duty is Duty.MAINT
        asked = client.post(path, data=sent | {"command": "test-print"}, headers=SCRIPT)
        assert asked.json()["asks"] == "Print a test film on oki-1?"


@pytest.fixture
def api(served: ServedPage) -> Iterator[httpx.Client]:
    """A program on this machine."""
    with served.visitor() as client:
        client.headers["X-CSRF-Token"] = form(client.get("/").text, "/printers/oki-1/commands")[
            "csrf"
        ]
        yield client


@pytest.mark.parametrize("how", ["If-Match", "seen"])
def test_a_program_may_say_what_it_has_seen(site: Site, api: httpx.Client, how: str) -> None:
    """By the field or by the header; 412 with the version of now, and without either the state
    alone decides."""

    def give(path: str, seen: str) -> httpx.Response:
        if how == "seen":
            return api.post(path, json={"seen": seen})
        return api.post(path, headers={"If-Match": f'"{seen}"'})

    site.job()
    before = api.get("/api/jobs/1").json()["version"]
    assert give("/api/jobs/1/hold", before).status_code == 200
    stale = give("/api/jobs/1/cancel", before)
    assert stale.status_code == 412
    assert stale.json()["version"] == api.get("/api/jobs/1").json()["version"] != before
    assert give("/api/jobs/1/cancel", stale.json()["version"]).status_code == 200
    printer = api.get("/api/printers/oki-1").json()["version"]
    assert give("/api/printers/oki-1/drain", printer).status_code == 200
    assert give("/api/printers/oki-1/ready", printer).status_code == 412
    assert api.post("/api/printers/oki-1/ready").status_code == 200


def test_a_program_names_one_version_or_any(site: Site, api: httpx.Client) -> None:
    """`*` is any; several are refused by name (RFC 9110 13.1.1)."""
    site.job()
    several = api.post("/api/jobs/1/hold", headers={"If-Match": '"a", "b"'})
    assert (several.status_code, "If-Match" in several.json()["error"]) == (422, True)
    assert api.post("/api/jobs/1/hold", headers={"If-Match": "*"}).status_code == 200


def test_a_program_says_again_for_a_second_reprint(site: Site, api: httpx.Client) -> None:
    """Within a minute."""
    site.sent()
    assert api.post("/api/jobs/1/reprint").status_code == 200
    assert api.post("/api/jobs/1/reprint").status_code == 409
    assert api.post("/api/jobs/1/reprint", json={"again": True}).status_code == 200
    assert api.get("/api/jobs/1").json()["reprinted_as"] == 3


def test_a_job_is_printed_again_as_chosen(site: Site, served: ServedPage) -> None:
    """From its page: the question says how, and the new job is so."""
    site.sent(films=3)
    path = "/jobs/1/reprint"
    chosen = {"films": "2-3", "elsewhere": "1", "copies": "2", "film_size": "A4", "printer": ""}
    with served.visitor() as client:
        page = client.post(path, data=form(client.get("/jobs/1").text, path) | chosen)
        assert (
            "Print job 1 of CT1 again, not on the printer that made it: films 2, 3, 2 copies, A4, "
            "else as it was?"
        ) in words(page.text)
        done = client.post(path, data=form(page.text, path), follow_redirects=True)
        assert "job 2 is queued: 2 films of job 1 again, 2 copies each" in words(done.text)
        wrong = form(client.get("/jobs/1").text, path) | {"films": "9", "confirmed": "1"}
        answer = client.post(path, data=wrong, headers=SCRIPT)
        assert answer.status_code == 409  # printed again moments ago
        answer = client.post(path, data=wrong | {"again": "1"}, headers=SCRIPT)
        assert (answer.status_code, answer.json()["error"]) == (
            422,
            "there is no film 9; it has films 1 to 3",
        )
    job = site.jobs.queries.get(2)
    assert (job.films, job.copies, job.avoided) == (2, 2, {"oki-1"})
