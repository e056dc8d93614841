"""`broker jobs` lists, shows and explains, at 80 columns, and names no patient."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import datetime

import pytest

from broker.cli import job_tables
from broker.cli.standings import Standing
from broker.model.job import Level, Outcome, State
from broker.model.printer import Duty
from broker.model.retry import Settlement
from broker.store.jobs import Jobs
from broker.store.occupancy import Occupancy
from tests.cli.conftest import PATIENT, Site


def test_an_empty_queue_says_so(site: Site) -> None:
    """No table without rows; JSON is an empty list."""
    said = site.broker("jobs").out.splitlines()
    assert said[0].startswith("NO BROKER IS RUNNING on this data directory")
    assert said[2:] == ["No jobs; `broker jobs --all` lists finished ones too."]
    assert site.broker("jobs", "--state", "held").out.endswith("\nNo jobs in state held.\n")
    assert json.loads(site.broker("jobs", "--json").out) == []


def test_the_list_has_a_row_for_each_job_the_newest_last(site: Site) -> None:
    """One row a job, numbers to the right, reasons below the row, all within 80 columns."""
    site.sent(films=12)
    site.uncertain(films=3)
    site.job(copies=2)
    out = site.broker("jobs").out
    out = re.sub(r" +\d+s$", "   0s", out, flags=re.MULTILINE)
    assert re.sub(r"20\d\d-\S+ \S+ UTC", "<when> UTC", out).splitlines() == [
        "NO BROKER IS RUNNING on this data directory: modalities cannot print, nothing",
        "comes out. What waits is safe. `broker serve`, or your service, starts it.",
        "ID  STATE   MODALITY  FILMS  COPIES  PRINTER  TRIES  AGE",
        " 1  sent    CT1       12/12       1  oki-1        1   0s",
        " 2  held    CT1         0/3       1  oki-1        1   0s",
        "        film 1: uncertain, no answer",
        "        film 1 was asked of oki-1 at <when> UTC: look in its tray",
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

    long_ago = replace(site, jobs=Jobs(site.database, lambda: 1000.0))
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
    assert re.search(r"film 1 was asked of oki-1 at 20\S+ \S+ UTC: look in its\s+tray", out)
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

    printing = site.printing(films=3)
    with closing(Occupancy.take(site.folder / "broker-data")):
        said = explained(printing)
    assert "Job 1 is printing on oki-1 since" in said
    assert "0 of 3 films accepted" in said
    assert "Film 1 was asked for at" in said
    said = explained(site.uncertain())
    assert "Job 2 is held: film 1: uncertain, no answer." in said
    assert re.search(r"Film 1 was asked of oki-1 at 20\S+ \S+ UTC and not answered for", said)
    assert "Look in the tray of oki-1. If it is there: `broker jobs release 2 --printed`." in said
    assert "oki-1: uncertain: no answer within 60 s." in said
    said = explained(site.sent())
    assert "Job 3 is sent: oki-1 accepted every film" in said
    held = site.job()
    site.jobs.hold(held)
    assert "`broker jobs release 4` prints what is left" in explained(held)
    site.jobs.cancel(held)
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
    assert re.search(r"Job 1 was printing on oki-1 since \S+ \S+ UTC, and was cut off;", explained)
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
    claim = site.jobs.claim(done, "oki-2")
    assert claim is not None
    (film,) = site.jobs.films(done)
    site.jobs.asked(claim, film.id)
    site.jobs.accepted(claim, film.id)
    said = [job["reason"] for job in json.loads(site.broker("jobs", "--json").out)]
    words = {
        "held": "it is held: film 1",
        "queued": "what is left prints, the film in doubt too: film",
    }
    assert words[state] in said[0]
    assert said[1].endswith("at its next start it is sent, as every film was accepted")
    assert [job.state for job in site.jobs.recover(on_uncertain)] == [state, "sent"]


@pytest.mark.usefixtures("running")
def test_a_line_is_told_from_a_bond(site: Site) -> None:
    """A printer that a queued job has lined up with stands in brackets, and may change."""
    site.up("oki-1", "oki-2")
    site.printers.set_duty("oki-2", Duty.DRAIN)
    site.printing()
    lined, bound = site.job(), site.job()
    site.jobs.line_up({lined: "oki-1"})
    site.jobs.move(bound, "oki-1")
    lines = site.broker("jobs").out.splitlines()
    assert lines[2].split() == ["2", "queued", "CT1", "0/1", "1", "(oki-1)", "0", "0s"]
    assert lines[3].strip() == (
        "in line at oki-1, 1 film before it: the least loaded (may change over)"
    )
    assert lines[4].split()[5] == "oki-1"
    assert lines[5].strip() == "in line at oki-1, 2 films before it: the least loaded"
    assert lines[6].strip() == "for oki-1 only, as a person said"
    assert "lined up with oki-1, not bound to it" in site.broker("jobs", "show", "2").out
    explained = " ".join(site.broker("jobs", "explain", "2").out.split())
    assert "It is not bound to oki-1: another may print it sooner." in explained
    assert "not bound" not in site.broker("jobs", "explain", "3").out


@pytest.mark.usefixtures("running")
def test_one_reason_of_many_jobs_stands_once(site: Site) -> None:
    """Below the last of a run; JSON has it for each."""
    for _ in range(2):
        site.job()
    site.uncertain()
    for _ in range(40):
        site.job()
    why = "no printer can take it now: oki-1 not checked yet; oki-2 not checked yet"
    lines = site.broker("jobs").out.splitlines()
    said = [" ".join(line.split()) for line in lines if line.startswith(" " * 8)]
    assert " ".join(said).count("no printer can take it") == 2
    assert " ".join(said[:2]) == f"each of jobs 1 and 2: {why}"
    assert " ".join(said[-2:]) == f"each of jobs 4 to 43: {why}"
    assert lines[-2].startswith(" " * 8)
    assert lines[-3].startswith("43  queued")
    assert max(map(len, lines)) <= 80
    reasons = [job["reason"] for job in json.loads(site.broker("jobs", "--json").out)]
    assert reasons.count(why) == 42


@pytest.mark.usefixtures("running")
def test_what_jobs_have_of_their_own_stands_with_each(site: Site) -> None:
    """Only the sentence that they have in common is said once for all."""
    for word in ("one", "two", "three"):
        claim = site.jobs.claim(site.job(), "oki-1")
        assert claim is not None
        settlement = Settlement(State.QUEUED, word)
        site.jobs.finish(claim, Outcome.UNAVAILABLE, word, settlement=settlement)
    lines = site.broker("jobs").out.splitlines()
    assert [line.split()[0] for line in lines[1:8]] == [
        "1",
        "one",
        "2",
        "two",
        "3",
        "three",
        "each",
    ]
    assert " ".join(" ".join(lines[7:]).split()) == (
        "each of jobs 1 to 3: no printer can take it now: oki-1 not checked yet; "
        "oki-2 not checked yet"
    )
    explained = site.broker("jobs", "explain", "2").out
    assert "Its row says: two." in explained


def test_a_watched_list_says_it_below_the_first(site: Site) -> None:
    """What does not fit on the screen is left out at its end."""
    for _ in range(3):
        site.job()
    found = [Standing(job, why="no printers are configured") for job in site.jobs.list()]
    lines = job_tables.jobs(found, 0.0, 80, runs_begin=True)
    assert [line.plain.split()[0] for line in lines] == ["ID", "1", "each", "2", "3"]
    assert lines[2].plain.strip() == "each of jobs 1 to 3: no printers are configured"


def test_a_job_behind_one_that_was_cut_off_says_so(site: Site) -> None:
    """Nothing prints before it, though the earlier one's state is `printing`."""
    first = site.job(session="one")
    site.job(session="one")
    assert site.jobs.claim(first, "oki-1") is not None
    said = " ".join(site.broker("jobs", "explain", "2").out.split())
    assert "of the same film session, which is printing, and was cut off: films" in said


def test_a_banner_stays_in_sight_below_a_long_table(site: Site) -> None:
    """Above and below a table that is longer than the screen; once with a short one."""
    site.job()
    assert site.broker("jobs").out.count("NO BROKER IS RUNNING") == 1
    for _ in range(30):
        site.job()
    lines = site.broker("jobs").out.splitlines()
    assert lines[-2:] == lines[:2]
    assert lines[0].startswith("NO BROKER IS RUNNING")


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
