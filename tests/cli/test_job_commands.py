"""Commands for a job are carried out, and answered in one line with what happens next."""

from __future__ import annotations

import json

import pytest

from broker.model.jobs.job import FilmState, Priority, State
from broker.model.printers.printer import Duty
from broker.store.occupancy import Occupancy
from tests.cli.conftest import Site
from tests.peers.attempts import print_films

IDLE = "no broker is running here; `broker serve` prints it\n"


def test_hold_keeps_jobs_from_printing(site: Site) -> None:
    """Several at once, with the reason that the person gave."""
    site.job(), site.job()
    ended = site.broker("jobs", "hold", "1", "2", "-r", "wrong film size")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == (
        "job 1 is held; `broker jobs release 1` prints it\n"
        "job 2 is held; `broker jobs release 2` prints it\n"
    )
    job = site.jobs.queries.get(2)
    assert (job.state, job.reason) == (State.HELD, "held by the operator: wrong film size")


@pytest.mark.usefixtures("running")
def test_hold_of_a_printing_job_waits_for_the_film_in_hand(site: Site) -> None:
    """The wish is written; the attempt heeds it before its next film."""
    job_id = site.printing(films=2)
    assert site.broker("jobs", "hold", str(job_id)).out == (
        "job 1 is printing: the film in hand is finished, then it is held; "
        "`broker jobs release 1` prints the rest\n"
    )
    assert site.jobs.queries.get(job_id).command == "hold"
    assert "will be held before its next film" in site.broker("jobs").out


def test_what_cannot_be_done_does_not_stop_the_others(site: Site) -> None:
    """Each job that cannot be held is named on stderr; exit 1."""
    sent, job = site.sent(), site.job()
    ended = site.broker("jobs", "hold", str(sent), "99", str(job))
    assert ended.code == 1
    assert ended.out == "job 2 is held; `broker jobs release 2` prints it\n"
    assert ended.err == (
        "job 1 is sent: `broker jobs reprint 1` prints it again\n"
        "there is no job 99; `broker jobs --all` lists those that there are\n"
    )


def test_release_prints_uncertain_films_again(site: Site) -> None:
    """The person looked, and the film is not there."""
    job_id = site.uncertain(films=3)
    ended = site.broker("jobs", "release", str(job_id))
    assert (ended.code, ended.err) == (0, IDLE)
    assert ended.out == (
        "job 1 is queued: 3 of 3 films left to print, uncertain ones among them: they may be on "
        "paper twice then\n"
    )
    assert {film.state for film in site.jobs.queries.films(job_id)} == {FilmState.WAITING}


def test_release_printed_settles_uncertain_films(site: Site) -> None:
    """The person looked, and the film is there: it is not printed twice."""
    one, several = site.uncertain(), site.uncertain(films=3)
    ended = site.broker("jobs", "release", str(several), str(one), "--printed")
    assert ended.out == (
        "job 2 is queued, its uncertain films settled as printed: 2 of 3 films left to print\n"
        "job 1 is sent, its uncertain films settled as printed: nothing is left to print\n"
    )
    assert site.jobs.queries.get(one).state is State.SENT


def test_a_film_printed_again_is_flagged_to_its_end(site: Site) -> None:
    """In the table, in full, in the explanation and in JSON, also once the job is sent."""
    site.broker("jobs", "release", str(site.uncertain()))
    print_films(site.jobs, 1, "oki-2")
    flag = "may be on paper twice: film 1 was asked of oki-1 at "
    for command in (["jobs"], ["jobs", "show", "1"], ["jobs", "explain", "1"]):
        assert flag in " ".join(site.broker(*command).out.split())
    (shown,) = json.loads(site.broker("jobs", "--json").out)
    assert [(each["film"], each["printer"]) for each in shown["printed_again"]] == [(1, "oki-1")]
    assert shown["reason"].startswith(flag)


def test_a_film_that_waits_again_may_be_there_once(site: Site) -> None:
    """Until it is asked for again it is not there twice; and a broker that finds it says so."""
    site.broker("jobs", "release", str(site.uncertain()))
    site.broker("jobs", "hold", "1")
    said = " ".join(site.broker("jobs", "explain", "1").out.split())
    assert "may be on paper already: film 1 was asked of oki-1 at " in said
    ended = site.broker("jobs", "release", "1", "--printed")
    assert ended.out == (
        "job 1 is sent, its uncertain films settled as printed: nothing is left to print\n"
    )
    assert "on paper" not in site.broker("jobs", "--all").out


def test_each_time_counts(site: Site) -> None:
    """A film that was let print again twice may be on paper three times."""
    site.broker("jobs", "release", str(site.uncertain()))
    claim = site.jobs.claims.claim(1, "oki-2")
    assert claim is not None
    site.jobs.claims.asked(claim, site.jobs.queries.films(1)[0].id)
    site.jobs.recovery.recover()
    site.broker("jobs", "release", "1")
    print_films(site.jobs, 1)
    said = " ".join(site.broker("jobs", "show", "1").out.split())
    assert "may be on paper up to 3 times: film 1 was asked of oki-1 at " in said
    assert " and film 1 was asked of oki-2 at " in said


def test_what_goes_on_is_flagged_when_its_film_came_again(site: Site) -> None:
    """A held job whose film was printed meanwhile, by the modality or as a reprint, is a possible
    duplicate of that one; the order says so, and it stays in the tables."""
    held, moved = site.uncertain(), site.job()
    site.broker("jobs", "hold", str(moved))
    assert site.broker("jobs", "reprint", str(held)).code == 0
    assert site.broker("jobs", "release", "1").out.endswith("; possible duplicate of job 2\n")
    assert site.broker("jobs", "move", "2", "oki-1").out == (
        "job 2 is released, though held by the operator, and queued for oki-1 and no other "
        "printer; possible duplicate of job 3\n"
    )
    print_films(site.jobs, 2)
    assert "It is flagged: possible duplicate of job 3." in site.broker("jobs", "explain", "2").out
    assert site.jobs.queries.get(3).duplicate_of is None


def test_each_of_two_names_the_other(site: Site) -> None:
    """A held film that is printed again as a new job says so before anybody releases it, too."""
    held = site.uncertain()
    site.broker("jobs", "reprint", str(held))
    old, new = (" ".join(site.broker("jobs", "explain", each).out.split()) for each in "12")
    assert "printed again as job 2" in old
    since = "possible duplicate of job 2, which came since: released, it prints as well"
    assert f"It is flagged: {since}." in old
    assert "film 1 of job 1 may be on paper, too" in new
    assert "film 1 of job 1 may be on paper, too" in site.broker("jobs", "show", "2").out


def test_an_order_names_the_other_job_with_the_same_films(site: Site) -> None:
    """A reprint of a film that may be on paper, and the word that it is, after all."""
    held = site.uncertain()
    assert site.broker("jobs", "reprint", str(held)).out == (
        "job 2 is queued: 1 film of job 1 again; film 1 of job 1 may be on paper, too\n"
    )
    assert site.broker("jobs", "release", "1", "--printed").out == (
        "job 1 is sent, its uncertain films settled as printed: nothing is left to print; "
        "printed again as job 2\n"
    )


def test_a_move_is_taken_back(site: Site) -> None:
    """Any printer may print it then; exactly one of a printer and --any is named."""
    site.job()
    site.broker("jobs", "move", "1", "oki-2")
    assert site.broker("jobs", "move", "1", "--any").out == "job 1 is queued for any printer\n"
    assert site.jobs.queries.get(1).pinned == ""
    for wrong in ([], ["oki-1", "--any"]):
        ended = site.broker("jobs", "move", "1", *wrong)
        assert ended.code == 2
        assert "name one PRINTER behind the numbers, or give --any" in ended.err


def test_a_held_job_says_where_alone_it_may_go(site: Site) -> None:
    """A person sent it to one printer: so it stays when it is held."""
    site.job()
    site.jobs.commands.move(1, "oki-2")
    site.jobs.commands.hold(1)
    assert "for oki-2 only, as a person said" in site.broker("jobs").out
    assert "A person sent it to oki-2" in site.broker("jobs", "explain", "1").out


def test_release_of_a_job_that_is_not_held(site: Site) -> None:
    """One line, exit 1."""
    ended = site.broker("jobs", "release", str(site.job()))
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "job 1 is queued: only a held job can be released; nothing to do\n"


@pytest.mark.usefixtures("running")
def test_cancel_gives_jobs_up(site: Site) -> None:
    """A queued job at once, a printing one before its next film."""
    queued, printing = site.job(), site.printing()
    assert site.broker("jobs", "cancel", str(queued), str(printing)).out == (
        "job 1 is cancelled; `broker jobs reprint 1` prints it after all\n"
        "job 2 is printing: the film in hand is finished, then it is cancelled\n"
    )
    assert site.jobs.queries.get(queued).state is State.CANCELLED
    assert site.jobs.queries.get(printing).command == "cancel"


def test_move_sends_a_job_to_one_printer(site: Site) -> None:
    """It waits for that printer alone, and a duty in the way is said."""
    job_id = site.job()
    assert site.broker("jobs", "move", "1", "oki-2").out == (
        "job 1 is queued for oki-2 and no other printer\n"
    )
    assert site.jobs.queries.get(job_id).pinned == "oki-2"
    assert "for oki-2 only, as a person said" in site.broker("jobs").out
    site.printers.set_duty("oki-1", Duty.MAINT)
    assert site.broker("jobs", "move", "1", "oki-1").out == (
        "job 1 is queued for oki-1 and no other printer, once it is ready: it is in maint now; "
        "`broker printers ready oki-1` ends that\n"
    )


def test_move_to_an_unknown_printer_names_the_known_ones(site: Site) -> None:
    """One line, exit 1; the job stays as it is."""
    ended = site.broker("jobs", "move", str(site.job()), "oki-9")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "there is no printer oki-9; there are: oki-1, oki-2\n"


def test_move_of_a_job_with_uncertain_films_is_refused(site: Site) -> None:
    """What may be on paper is settled first."""
    ended = site.broker("jobs", "move", str(site.uncertain()), "oki-2")
    assert ended.code == 1
    assert "`broker jobs release 1` first" in ended.err


def test_reprint_makes_a_new_job(site: Site) -> None:
    """All films and copies again, linked to the old job."""
    ended = site.broker("jobs", "reprint", str(site.sent(films=2)))
    assert (ended.code, ended.out) == (0, "job 2 is queued: 2 films of job 1 again\n")
    assert site.jobs.queries.get(2).reprint_of == 1
    assert "reprint of job 1" in site.broker("jobs", "show", "2").out


def test_priority_says_what_is_before_it(site: Site) -> None:
    """Any spelling of the word; the line is counted anew."""
    site.job(), site.job(), site.job()
    assert site.broker("jobs", "priority", "3", "high").out == (
        "job 3 has priority HIGH; no jobs before it\n"
    )
    assert site.broker("jobs", "priority", "1", "LOW").out == (
        "job 1 has priority LOW; 2 jobs before it\n"
    )
    assert site.jobs.queries.get(3).priority is Priority.HIGH
    ended = site.broker("jobs", "priority", "1", "urgent")
    assert ended.code == 2
    assert "urgent is not a priority; use HIGH, MED, LOW" in ended.err


def test_a_running_broker_needs_no_hint(site: Site) -> None:
    """The hint that nothing prints is given only when no broker has the data directory."""
    site.jobs.commands.hold(site.job())
    occupancy = Occupancy.take(site.folder / "broker-data")
    assert site.broker("jobs", "release", "1").err == ""
    occupancy.close()


CUT_OFF = "is cut off: no broker is running; at its next start"


def test_commands_for_a_job_that_was_cut_off_say_so(site: Site) -> None:
    """It reads `printing`, and nothing prints: what is said is what recovery will do."""
    for _ in range(3):
        job_id = site.job(films=2)
        assert site.jobs.claims.claim(job_id, "oki-1") is not None
    assert site.broker("jobs", "hold", "1").out == (
        f"job 1 {CUT_OFF} it is held, as a person asked\n"
    )
    assert site.broker("jobs", "cancel", "2").out == (
        f"job 2 {CUT_OFF} it is cancelled, as a person asked\n"
    )
    assert site.broker("jobs", "release", "1").out == (
        f"hold or cancel of job 1 is taken back; job 1 {CUT_OFF} what is left of it prints\n"
    )
    site.broker("jobs", "hold", "1")
    recovered = site.jobs.recovery.recover()
    assert [job.state for job in recovered] == [State.HELD, State.CANCELLED, State.QUEUED]


def test_a_film_in_doubt_outlives_a_cancel(site: Site) -> None:
    """What may be on paper cannot be cancelled before a person has looked."""
    site.printing()
    said = site.broker("jobs", "cancel", "1").out
    assert said.startswith(
        f"job 1 {CUT_OFF} it is held, not cancelled: film 1 was asked of oki-1 at "
    )
    assert said.endswith(" UTC, and may be on paper\n")
    assert [job.state for job in site.jobs.recovery.recover()] == [State.HELD]


@pytest.mark.parametrize("order", [["release", "1"], ["move", "1", "oki-2"], ["reprint", "1"]])
def test_an_order_that_a_cut_off_job_cannot_take_says_why(site: Site, order: list[str]) -> None:
    """The refusal speaks of a job that is printing; the next line says that it is not."""
    assert site.jobs.claims.claim(site.job(), "oki-1") is not None
    ended = site.broker("jobs", *order)
    assert (ended.code, ended.out) == (1, "")
    first, second = ended.err.splitlines()
    assert first.startswith("job 1 is printing: ")
    assert second == f"job 1 {CUT_OFF} what is left of it prints"


@pytest.mark.parametrize("arguments", [["hold"], ["hold", "one"], ["move", "1"], ["priority", "1"]])
def test_wrong_usage_is_exit_2(site: Site, arguments: list[str]) -> None:
    """A missing or a misspelt number is the caller's mistake."""
    assert site.broker("jobs", *arguments).code == 2


def test_lost_pixels_are_not_promised_again(site: Site) -> None:
    """Where the spool has them no more, it is not said that a reprint helps, and none is queued."""
    finished, waiting = site.sent(), site.job()
    (site.folder / "broker-data" / "spool" / "ab" / ("ab" * 32)).unlink()
    again = site.broker("jobs", "reprint", str(finished))
    assert again.code == 1
    assert f"job {finished} is sent: its pixels are not in the spool" in again.err
    assert "print it again at the modality" in again.err
    assert len(site.jobs.queries.list()) == 2
    cancelled = site.broker("jobs", "cancel", str(waiting)).out
    assert "print it again at the modality" in cancelled
    assert "reprint" not in cancelled
