"""`broker jobs explain`, and what is said of jobs that were cut off or lined up."""

from __future__ import annotations

import json
import re
from contextlib import closing

import pytest

from broker.model.films.film import Film, Image, ImageBox
from broker.model.printers.printer import Duty
from broker.model.printers.trouble import PRINT_AGAIN
from broker.spool.stored import name_of
from broker.store.occupancy import Occupancy
from tests.cli.conftest import FILM, Site, table


def test_explain_says_where_a_queued_job_goes_and_why_not_elsewhere(site: Site) -> None:
    """The same decision as the dispatcher's, in sentences and as JSON."""
    site.up("oki-1", "oki-2")
    site.printers.set_duty("oki-1", Duty.DRAIN, "new drum")
    job_id = str(site.job())
    out = site.broker("jobs", "explain", job_id).out
    assert "Job 1 is queued and goes to oki-2 now: no other can take it now." in out
    assert "Not oki-1: draining: new drum." in out
    assert out.startswith("NO BROKER IS RUNNING on this data directory")
    document = json.loads(site.broker("jobs", "explain", job_id, "--json").out)
    assert document["choice"] == {
        "printer": "oki-2",
        "now": True,
        "why": "no other can take it now",
        "passed_over": [{"printer": "oki-1", "why": "draining: new drum"}],
    }


def test_explain_says_when_no_printer_can_take_it(site: Site) -> None:
    """Every printer is named with its reason, and a reason that several have stands once."""
    out = site.broker("jobs", "explain", str(site.job())).out
    assert "Job 1 is queued and waits: no printer can take it now." in out
    assert "Not oki-1, oki-2: not checked yet." in out


def test_explain_names_the_earlier_job_of_the_film_session(site: Site) -> None:
    """Films of one film session print in order, so the later job waits."""
    site.up("oki-1")
    site.job(session="one")
    later = site.job(session="one")
    out = " ".join(site.broker("jobs", "explain", str(later)).out.split())
    assert "Job 2 is queued behind job 1, an earlier one of the same film session" in out
    document = json.loads(site.broker("jobs", "explain", str(later), "--json").out)
    assert (document["blocked_by"], document["choice"]) == (1, None)


def test_explain_of_jobs_that_are_not_queued(site: Site) -> None:
    """Printing, held, sent and cancelled: where it is, why, and what a person may do."""

    def explained(job_id: int) -> str:
        out = site.broker("jobs", "explain", str(job_id)).out
        assert max(map(len, out.splitlines())) <= 80
        return " ".join(out.split())

    printing = site.printing(films=3)
    with closing(Occupancy.take(site.folder / "broker-data")):
        said = explained(printing)
    assert "Job 1 is printing on oki-1 since" in said
    assert "0 of 3 films accepted" in said
    assert "Film 1 was asked for at" in said
    said = explained(site.uncertain())
    assert "Job 2 is held: film 1: uncertain, no answer." in said
    assert re.search(r"Film 1 was asked of oki-1 at \d\d:\d\d:\d\d UTC and not answered for", said)
    assert (
        "Look in the tray of oki-1. If the film is there: `broker jobs release 2 --printed`."
        in said
    )
    assert "oki-1: uncertain: no answer within 60 s." in said
    said = explained(site.sent())
    assert "Job 3 is sent: oki-1 accepted every film" in said
    held = site.job()
    site.jobs.commands.hold(held)
    assert "`broker jobs release 4` prints what is left" in explained(held)
    site.jobs.commands.cancel(held)
    assert "Job 4 was cancelled at" in explained(held)


def test_a_job_that_was_cut_off_says_so_everywhere(site: Site) -> None:
    """Its state is still `printing`, as only rows count; list, show, explain and JSON add that
    nothing prints, and what comes next."""
    site.printing(films=2)
    cut_off = "cut off: no broker is running; at its next start it is held: film 1 was asked of"
    for command in (["jobs"], ["jobs", "show", "1"]):
        out = site.broker(*command).out
        assert cut_off in " ".join(out.split())
        assert max(map(len, out.splitlines())) <= 80
    explained = " ".join(site.broker("jobs", "explain", "1").out.split())
    assert re.search(r"Job 1 was printing on oki-1 since \S+ UTC, and was cut off;", explained)
    assert "At the broker's next start it is held: film 1 was asked of oki-1 at " in explained
    assert explained.endswith("oki-1: cut off.")
    for command in (["jobs"], ["jobs", "show", "1"], ["jobs", "explain", "1"]):
        document = json.loads(site.broker(*command, "--json").out)
        job = document[0] if isinstance(document, list) else document
        assert (job["state"], job["cut_off"]) == ("printing", True)
        assert job["reason"].startswith(cut_off)
        (film,) = job["unanswered"]
        assert (film["film"], film["printer"], film["asked_at"][-1]) == (1, "oki-1", "Z")
    with closing(Occupancy.take(site.folder / "broker-data")):
        (job,) = json.loads(site.broker("jobs", "--json").out)
        assert (job["cut_off"], job["reason"]) == (False, "")
        assert "cut off" not in site.broker("jobs").out


@pytest.mark.parametrize(("on_uncertain", "state"), [("hold", "held"), ("reprint", "queued")])
def test_what_is_said_of_a_cut_off_job_is_what_recovery_does(
    site: Site, on_uncertain: str, state: str
) -> None:
    """By the site's own setting; and a job of which every film was accepted is sent."""
    site.file.write_text(site.file.read_text() + f'[retry]\non_uncertain = "{on_uncertain}"\n')
    site.printing()
    done = site.job()
    claim = site.jobs.claims.claim(done, "oki-2")
    assert claim is not None
    (film,) = site.jobs.queries.films(done)
    site.jobs.claims.asked(claim, film.id)
    site.jobs.claims.accepted(claim, film.id)
    said = [job["reason"] for job in json.loads(site.broker("jobs", "--json").out)]
    words = {
        "held": "it is held: film 1",
        "queued": "what is left prints, uncertain films too: film",
    }
    assert words[state] in said[0]
    assert said[1].endswith("at its next start it is sent, as every film was accepted")
    assert [job.state for job in site.jobs.recovery.recover(on_uncertain)] == [state, "sent"]


@pytest.mark.usefixtures("running")
def test_a_line_is_told_from_a_bond(site: Site) -> None:
    """A printer that a queued job has lined up with stands in brackets, and may change."""
    site.up("oki-1", "oki-2")
    site.printers.set_duty("oki-2", Duty.DRAIN)
    site.printing()
    lined, bound = site.job(), site.job()
    site.jobs.claims.line_up({lined: "oki-1"})
    site.jobs.commands.move(bound, "oki-1")
    lines = table(site.broker("jobs").out)
    assert lines[2].split()[:-1] == ["2", "queued", "CT1", "0/1", "1", "(oki-1)", "0", "0s"]
    assert " ".join(lines[3].split() + lines[4].split()) == (
        "in line at oki-1, 1 film before it: no other can take it now (may change over)"
    )
    assert lines[5].split()[5] == "oki-1"
    assert lines[6].strip() == "in line at oki-1, 2 films before it: no other can take it now"
    assert lines[7].strip() == "for oki-1 only, as a person said"
    assert "lined up with oki-1, not bound to it" in site.broker("jobs", "show", "2").out
    explained = " ".join(site.broker("jobs", "explain", "2").out.split())
    assert "It is not bound to oki-1: another may print it sooner." in explained
    assert "not bound" not in site.broker("jobs", "explain", "3").out


def test_pixels_that_are_there_again_print(site: Site) -> None:
    """A spool that was put back: what the row says of it is no longer true."""
    content = bytes(64)
    name = name_of(content)
    image = Image(name, len(content), 8, 8, 8, 8, "MONOCHROME2")
    site.job(film=Film(attributes=FILM.attributes, image_boxes=(ImageBox(1, {}, image),)))
    site.jobs.commands.hold(1, f"film 1: spool file {name} is missing; {PRINT_AGAIN}")
    assert "Its pixels are lost here" in site.broker("jobs", "explain", "1").out
    folder = site.folder / "broker-data" / "spool" / name[:2]
    folder.mkdir()
    (folder / name).write_bytes(content)
    said = " ".join(site.broker("jobs", "explain", "1").out.split())
    assert "Its pixels are there again: `broker jobs release 1` prints what is left." in said


def test_a_job_whose_films_cannot_be_read_is_explained(site: Site) -> None:
    """It is shown without its films, cannot be released, and can be cancelled."""
    job_id = str(site.job(films=2))
    with site.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM sendings")
    site.jobs.commands.hold(int(job_id))
    shown = site.broker("jobs", "show", job_id)
    assert shown.code == 0
    out = " ".join(site.broker("jobs", "explain", job_id).out.split())
    assert "what the database keeps of its films cannot be read" in out
    released = site.broker("jobs", "release", job_id)
    assert released.code == 1
    assert "`broker jobs cancel 1`, then print it again at the modality" in released.err
    assert site.broker("jobs", "cancel", job_id).code == 0
