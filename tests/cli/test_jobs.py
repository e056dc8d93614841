"""`broker jobs` lists, shows and explains, at 80 columns, and names no patient."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from datetime import datetime

import pytest

from broker.model.job import Level, Outcome, State
from broker.model.printer import Duty
from broker.model.retry import Settlement
from broker.store.jobs import Jobs
from tests.cli.conftest import PATIENT, Site


def test_an_empty_queue_says_so(site: Site) -> None:
    """No table without rows; JSON is an empty list."""
    assert site.broker("jobs").out == "No jobs; `broker jobs --all` lists finished ones too.\n"
    assert site.broker("jobs", "--state", "held").out == "No jobs in state held.\n"
    assert json.loads(site.broker("jobs", "--json").out) == []


def test_the_list_has_a_row_for_each_job_the_newest_last(site: Site) -> None:
    """One row a job, numbers to the right, reasons below the row, all within 80 columns."""
    site.sent(films=12)
    site.uncertain(films=3)
    site.job(copies=2)
    out = site.broker("jobs").out
    assert [re.sub(r" +\d+s$", "   0s", line) for line in out.splitlines()] == [
        "NO BROKER IS RUNNING on this data directory: modalities cannot print, nothing",
        "comes out. What waits is safe. `broker serve`, or your service, starts it.",
        "ID  STATE   MODALITY  FILMS  COPIES  PRINTER  TRIES  AGE",
        " 1  sent    CT1       12/12       1  oki-1        1   0s",
        " 2  held    CT1         0/3       1  oki-1        1   0s",
        "        film 1: uncertain, no answer",
        " 3  queued  CT1         0/1       2               0   0s",
        "        no printer can take it now: oki-1 not checked yet; oki-2 not checked yet",
    ]
    assert PATIENT not in out


def test_the_json_has_the_promised_keys(site: Site) -> None:
    """Scripts rely on these keys; times are ISO 8601, UTC."""
    site.uncertain(films=3)
    (job,) = json.loads(site.broker("jobs", "--json").out)
    promised = (
        "id state reason calling_ae called_ae films films_accepted copies priority printer "
        "attempts created_at updated_at"
    )
    assert set(promised.split()) <= set(job)
    assert (job["id"], job["state"], job["films"], job["attempts"]) == (1, "held", 3, 1)
    assert job["created_at"].endswith("Z")
    assert datetime.fromisoformat(job["created_at"]).utcoffset() is not None
    assert PATIENT not in json.dumps(job)


def test_states_choose_jobs_and_all_lists_old_ones(site: Site) -> None:
    """Without an option finished jobs are listed for an hour; --state may be given again."""

    def listed(*options: str) -> list[int]:
        return [job["id"] for job in json.loads(site.broker("jobs", *options, "--json").out)]

    long_ago = Site(site.folder, Jobs(site.jobs._database, lambda: 1000.0), site.printers)
    long_ago.sent()
    long_ago.job()
    site.sent()
    site.uncertain()
    assert listed() == [2, 3, 4]
    assert listed("--all") == [1, 2, 3, 4]
    assert listed("--state", "sent") == [1, 3]
    assert listed("--state", "sent", "--state", "held") == [1, 3, 4]
    assert json.loads(site.broker("jobs", "list", "--json").out)[0]["id"] == 2


def test_a_state_that_does_not_exist_is_wrong_usage(site: Site) -> None:
    """Exit 2, and the states that there are."""
    ended = site.broker("jobs", "--state", "lost")
    assert ended.code == 2
    assert "uncertain" not in ended.err
    assert "held" in ended.err


def test_show_has_films_and_attempts(site: Site) -> None:
    """One job in full, within 80 columns, without a patient's data."""
    job_id = site.uncertain(films=2)
    out = site.broker("jobs", "show", str(job_id)).out
    assert out.startswith("Job 1: held\n  film 1: uncertain, no answer\n")
    assert "  modality    CT1 at 10.0.0.9:4000, called BROKER\n" in out
    assert "2 films, 1 copy, priority MED, as one film box" in out
    assert "uncertain 14INX17IN STANDARD\\2,3 " in out
    assert "no answer within 60 s" in out
    assert max(map(len, out.splitlines())) <= 80
    assert PATIENT not in out


def test_show_as_json_adds_films_and_attempts(site: Site) -> None:
    """The keys that DESIGN promises, and the counts beside the lists."""
    job_id = site.uncertain(films=2)
    job = json.loads(site.broker("jobs", "show", str(job_id), "--json").out)
    film, second = job["films"]
    assert {
        key: film[key] for key in ("number", "state", "printer", "film_size", "display_format")
    } == {
        "number": 1,
        "state": "uncertain",
        "printer": "oki-1",
        "film_size": "14INX17IN",
        "display_format": "STANDARD\\2,3",
    }
    assert film["asked_at"].endswith("Z")
    assert film["accepted_at"] is None
    assert second["state"] == "waiting"
    (attempt,) = job["attempts"]
    assert (attempt["printer"], attempt["outcome"], attempt["words"]) == (
        "oki-1",
        "uncertain",
        "no answer within 60 s",
    )
    assert attempt["began_at"].endswith("Z")
    assert attempt["ended_at"].endswith("Z")
    assert (job["film_count"], job["attempt_count"]) == (2, 1)
    assert PATIENT not in json.dumps(job)


def test_collated_copies_are_passes(site: Site) -> None:
    """A film session for two copies shows every sending."""
    site.job(films=2, copies=2, level=Level.FILM_SESSION)
    out = site.broker("jobs", "show", "1").out
    assert [line.split()[:2] for line in out.splitlines() if "waiting" in line] == [
        ["1", "1/2"],
        ["2", "1/2"],
        ["1", "2/2"],
        ["2", "2/2"],
    ]


@pytest.mark.parametrize(
    "command", ["show", "explain", "hold", "release", "cancel", "reprint", "move", "priority"]
)
def test_an_unknown_job_is_one_line_and_exit_1(site: Site, command: str) -> None:
    """Stderr names what exists; nothing else is said."""
    more = {"move": ["oki-1"], "priority": ["HIGH"]}.get(command, [])
    ended = site.broker("jobs", command, "99", *more)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "there is no job 99; `broker jobs --all` lists those that there are\n"


def test_explain_says_where_a_queued_job_goes_and_why_not_elsewhere(site: Site) -> None:
    """The same decision as the dispatcher's, in sentences and as JSON."""
    site.up("oki-1", "oki-2")
    site.printers.set_duty("oki-1", Duty.DRAIN, "new drum")
    job_id = str(site.job())
    out = site.broker("jobs", "explain", job_id).out
    assert "Job 1 is queued and goes to oki-2 now: the least loaded." in out
    assert "Not oki-1: draining: new drum." in out
    assert out.startswith("NO BROKER IS RUNNING on this data directory")
    document = json.loads(site.broker("jobs", "explain", job_id, "--json").out)
    assert document["choice"] == {
        "printer": "oki-2",
        "now": True,
        "why": "the least loaded",
        "passed_over": [{"printer": "oki-1", "why": "draining: new drum"}],
    }


def test_explain_says_when_no_printer_can_take_it(site: Site) -> None:
    """Every printer is named with its reason."""
    out = site.broker("jobs", "explain", str(site.job())).out
    assert "Job 1 is queued and waits: no printer can take it now." in out
    assert "Not oki-1: not checked yet." in out
    assert "Not oki-2: not checked yet." in out


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

    said = explained(site.printing(films=3))
    assert "Job 1 is printing on oki-1 since" in said
    assert "0 of 3 films accepted" in said
    assert "Film 1 was asked for at" in said
    said = explained(site.uncertain())
    assert "Job 2 is held: film 1: uncertain, no answer." in said
    assert "If it is: `broker jobs release 2 --printed`." in said
    assert "oki-1: uncertain: no answer within 60 s." in said
    said = explained(site.sent())
    assert "Job 3 is sent: oki-1 accepted every film" in said
    held = site.job()
    site.jobs.hold(held)
    assert "`broker jobs release 4` prints what is left" in explained(held)
    site.jobs.cancel(held)
    assert "Job 4 was cancelled at" in explained(held)


def test_what_a_printer_says_cannot_move_the_cursor(site: Site) -> None:
    """A peer's words are shown without control characters."""
    job_id = site.job()
    claim = site.jobs.claim(job_id, "oki-1")
    assert claim is not None
    words = "jam\x1b[2J in\ntray\x07"
    settlement = Settlement(State.HELD, words)
    site.jobs.finish(claim, Outcome.REFUSED, words, settlement=settlement)
    for command in (["jobs"], ["jobs", "show", "1"], ["jobs", "explain", "1"]):
        out = site.broker(*command).out
        assert "jam?[2J in tray?" in out
        assert "\x1b" not in out


def test_watch_needs_a_terminal(site: Site) -> None:
    """In a pipe it would never end; JSON cannot be drawn again."""
    assert site.broker("jobs", "--watch").code == 2
    assert site.broker("jobs", "--watch", "--json").code == 2


def _heed_ctrl_c() -> None:
    """Tests that run in the background of a script would hand down that SIGINT is ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_watch_draws_the_table_and_ctrl_c_ends_it_with_0(site: Site) -> None:
    """On a terminal the table is drawn at once; Ctrl-C is how to leave it."""
    site.job()
    main, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "broker.cli.main", "jobs", "--watch", "-c", str(site.file)],
        stdin=child,
        stdout=child,
        stderr=child,
        env=os.environ | {"COLUMNS": "80", "LINES": "24", "TERM": "xterm"},
        preexec_fn=_heed_ctrl_c,
    )
    os.close(child)
    drawn = ""
    try:
        while "queued" not in drawn:
            drawn += os.read(main, 4096).decode()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        process.kill()
        os.close(main)
    assert "Traceback" not in drawn
