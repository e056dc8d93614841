"""The API as a hospital's own tools use it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from broker.operations.commands.recorded import JOB_COMMANDS
from broker.web.commands.posted import DUTIES
from tests.peers.broker_process import command
from tests.web.print_room import PATIENT, PrintRoom


@pytest.fixture
def api(room: PrintRoom) -> Iterator[httpx.Client]:
    """On this machine, where no user signs in; scripts of the page send its token."""
    with httpx.Client(base_url=room.url, timeout=30) as client:
        page = client.get("/").text
        token = page.partition('name="csrf" value="')[2].partition('"')[0]
        client.headers["X-CSRF-Token"] = token
        yield client


def test_its_data_is_the_commands(room: PrintRoom, api: httpx.Client) -> None:
    """The same keys and values as `--json`, and nothing of a patient."""
    room.broker("printers", "drain", "oki-1")
    room.broker("printers", "drain", "oki-2", "-r", "new drum")
    room.print(40)
    assert api.get("/api/jobs").json() == room.jobs()
    ours, theirs = api.get("/api/printers").json(), room.broker("printers", "--json")
    assert [each["duty_reason"] for each in ours] == ["", "new drum"]
    assert all(f'"{key}":' in theirs for key in ours[0])
    overview = api.get("/api/broker").json()
    assert overview["running"] is True
    assert overview["jobs"] == {"queued": 1, "printing": 0, "held": 0}
    whole = api.get("/api/jobs/1")
    assert whole.json()["films"][0]["state"] == "waiting"
    assert "waits" in " ".join(api.get("/api/jobs/1/explain").json()["sentences"])
    assert PATIENT not in whole.text + api.get("/api/jobs").text


def test_every_verb_on_a_job(room: PrintRoom, api: httpx.Client) -> None:
    """Each is carried out, answered in the command's words, and recorded with who gave it."""
    for name in room.printers:
        room.broker("printers", "drain", name)
    room.print(40)

    def give(verb: str, **body: object) -> str:
        answer = api.post(f"/api/jobs/1/{verb}", json=body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["words"])

    assert "is held" in give("hold", reason="wrong size")
    assert "is queued" in give("release")
    assert "oki-2 and no other" in give("move", printer="oki-2")
    assert "priority HIGH" in give("priority", priority="HIGH")
    assert "is cancelled" in give("cancel")
    assert "job 2 is queued" in give("reprint")
    orders = api.get("/api/jobs/1").json()["orders"]
    assert [each["verb"] for each in orders] == [
        "hold", "release", "move", "priority", "cancel", "reprint"
    ]  # fmt: skip
    assert {each["who"] for each in orders} == {"local"}


def test_what_cannot_be_done_is_said(room: PrintRoom, api: httpx.Client) -> None:
    """404 for what is not there, 409 for the wrong state, 422 for what makes no sense: in words
    that name the thing and the remedy.
    """
    room.print(40)
    assert api.get("/api/jobs/7").status_code == 404
    assert "there is no job 7" in api.post("/api/jobs/7/hold").json()["error"]
    assert (
        "there is no printer oki-9; there are: oki-1, oki-2"
        in (api.post("/api/printers/oki-9/drain").json()["error"])
    )
    room.process.wait_for("job sent")
    finished = api.post("/api/jobs/1/hold")
    assert finished.status_code == 409
    assert "job 1 is sent" in finished.json()["error"]
    assert api.post("/api/jobs/1/burn").status_code == 422
    wrong = api.post("/api/jobs/1/priority", json={"priority": "SOON"})
    assert wrong.status_code == 422
    assert "HIGH" in wrong.json()["error"]
    assert (
        "not a film size" in api.post("/api/test-print", json={"film_size": "A9"}).json()["error"]
    )
    assert api.get("/api/nothing").json() == {"error": "there is no page /api/nothing"}


def test_a_test_film_is_printed(room: PrintRoom, api: httpx.Client) -> None:
    """On the printer that was named."""
    answer = api.post("/api/test-print", json={"printer": "oki-2"}).json()
    room.process.wait_for("job sent", job=answer["id"])
    assert len(room.printers["oki-2"].sheets) == 1


def test_its_page_shows_every_request(api: httpx.Client) -> None:
    """The page for people has each path of the document for machines, and loads nothing from
    elsewhere.
    """
    document = api.get("/api/openapi.json").json()
    page = api.get("/api").text
    for path in document["paths"]:
        assert path in page.replace("&#34;", '"'), path
    assert "http://127.0.0.1" in page
    assert "https://" not in page
    assert "default-src 'self'" in api.get("/api").headers["Content-Security-Policy"]


def test_every_command_has_one_name_everywhere(room: PrintRoom, api: httpx.Client) -> None:
    """What the API takes for jobs and printers, the command line takes under the same name."""
    document = api.get("/api/openapi.json").json()

    def offered(path: str) -> set[str]:
        parameters = document["paths"][path]["post"]["parameters"]
        (parameter,) = (each for each in parameters if each["name"] == "command")
        return set(parameter["schema"]["enum"])

    assert offered("/api/jobs/{job_id}/{command}") == set(JOB_COMMANDS)
    assert offered("/api/printers/{name}/{command}") == {*DUTIES, "forget"}
    for group, verbs in (("jobs", JOB_COMMANDS), ("printers", tuple(DUTIES))):
        shown = command(group, "--help").stdout
        assert all(f"  {verb} " in shown for verb in verbs), shown
    assert "test-print" in command("--help").stdout
    assert "/api/test-print" in document["paths"]
    page = api.get("/").text
    room.print(40)
    room.process.wait_for("job sent")
    page += api.get("/").text
    for verb in ("drain", "halt", "test-print", "reprint"):
        assert f'value="{verb}"' in page
