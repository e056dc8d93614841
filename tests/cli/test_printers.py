"""`broker printers` shows the pool at 80 columns and sets what the operator wants."""

from __future__ import annotations

import json
import re
import time
from contextlib import closing
from dataclasses import replace

import pytest

from broker.model.films.capabilities import Capability, Lesson, PrintObject, Trait
from broker.model.printers.health import Observation
from broker.model.printers.printer import Address, Duty, Health
from broker.model.printers.printer_identity import (
    IS_BUSY,
    IdentityAnswer,
    IdentityReply,
    PrinterIdentity,
)
from broker.model.printers.retry import PrinterVerdict
from broker.store.occupancy import Occupancy
from broker.store.printers import blame
from tests.cli.conftest import Site

NOTICE = 2
"""Lines that say first that no broker is running here."""


def test_the_table_fits_80_columns(site: Site) -> None:
    """Addresses stand in the row while they fit; numbers stand to the right."""
    site.up("oki-1")
    lines = site.broker("printers").out.splitlines()[NOTICE:]
    heading = " ".join(lines[0].split())
    assert heading == "NAME AE@HOST:PORT STATUS DUTY WGHT LOAD DONE FAIL LAST-CHECK"
    assert " ".join(lines[1].split()).startswith("oki-1 OKI1@127.0.0.1:1 up ready 100 0 0 0 ")
    assert lines[1].endswith("s ago")
    assert " ".join(lines[2].split()) == "oki-2 OKI2@127.0.0.1:2 unknown ready 100 0 0 0 never"


def test_long_names_and_addresses_are_never_cut(site: Site) -> None:
    """What does not fit stands on a line of its own below the row."""
    name, ae_title, host = "radiology-first-floor-oki-12", "OKI_FLOOR1_ROOM2", "192.168.185.200"
    site.file.write_text("")
    site.printers.sync([Address(name, ae_title, host, 11112, 256)])
    reason = "WARNING: SUPPLY EMPTY, and so many more words that they need to be folded somewhere"
    seen = Observation(Health.DEGRADED, reason, 0, 3, time.time())
    site.printers.observe(name, lambda _: seen)
    lines = site.broker("printers").out.splitlines()[NOTICE:]
    assert max(map(len, lines)) <= 80
    assert lines[1].split()[:3] == [name, "degraded", "ready"]
    assert lines[2] == f"        {ae_title}@{host}:11112"
    assert " ".join(line.strip() for line in lines[3:]).startswith(f"{reason} Put film, paper")


def test_the_json_has_the_promised_keys(site: Site) -> None:
    """Scripts rely on these keys."""
    site.up("oki-2")
    first, second = json.loads(site.broker("printers", "--json").out)
    promised = (
        "name ae_title host port duty health reason weight load films_accepted failures "
        "last_check_at"
    )
    assert set(promised.split()) <= set(first)
    assert (first["name"], first["health"], first["last_check_at"]) == ("oki-1", "unknown", None)
    assert (second["health"], second["duty"], second["weight"]) == ("up", "ready", 100)
    assert second["last_check_at"].endswith("Z")
    assert json.loads(site.broker("printers", "list", "--json").out) == [first, second]


@pytest.mark.parametrize(
    ("verb", "duty", "said"),
    [
        (
            "drain",
            Duty.DRAIN,
            "oki-1 drains: nothing is printing on it, checks go on, jobs go to the others\n",
        ),
        (
            "maint",
            Duty.MAINT,
            "oki-1 is in maintenance: nothing is printing on it, no checks, "
            "jobs go to the others\n",
        ),
        (
            "halt",
            Duty.MAINT,
            "oki-1 is in maintenance: nothing is printing on it, no checks, "
            "jobs go to the others\n",
        ),
        (
            "ready",
            Duty.READY,
            "oki-1 is ready and unknown: it takes jobs once its checks pass\n",
        ),
    ],
)
def test_a_verb_sets_the_duty_and_says_what_is_next(
    site: Site, verb: str, duty: Duty, said: str
) -> None:
    """Duty and reason are written; halt is an alias of maint."""
    ended = site.broker("printers", verb, "oki-1", "-r", "new drum")
    assert (ended.code, ended.out, ended.err) == (0, said, "")
    printer = site.printers.get("oki-1")
    assert (printer.duty, printer.duty_reason) == (duty, "new drum")


def test_the_last_printer_taken_away_is_said(site: Site) -> None:
    """No printer takes the jobs then: they wait."""
    site.printers.set_duty("oki-2", Duty.MAINT)
    site.printing()
    with closing(Occupancy.take(site.folder / "broker-data")):
        assert site.broker("printers", "drain", "oki-1").out == (
            "oki-1 drains: the job in hand is finished, checks go on, "
            "jobs wait: no other printer can take them\n"
        )


def test_no_job_is_in_hand_without_a_broker(site: Site) -> None:
    """A job that was cut off is not going to be finished there."""
    site.printing()
    assert site.broker("printers", "drain", "oki-1").out == (
        "oki-1 drains: nothing is printing on it, checks go on, jobs go to the others; "
        "no broker is running, and its last job was cut off\n"
    )


def test_a_duty_that_is_set_already_is_no_change(site: Site) -> None:
    """Said again, without a reason or with the same, nothing is written; a new reason is."""
    site.broker("printers", "drain", "oki-1", "-r", "new drum")
    since = site.printers.get("oki-1").duty_since
    for again in ([], ["-r", "new drum"]):
        ended = site.broker("printers", "drain", "oki-1", *again)
        assert ended.code == 0
        assert ended.out.startswith("oki-1 was already drain")
        assert ended.out.endswith(": new drum; nothing was changed\n")
    assert site.printers.get("oki-1").duty_since == since
    assert site.broker("printers", "drain", "oki-1", "-r", "no drum").out.startswith("oki-1 drains")
    assert site.printers.get("oki-1").duty_reason == "no drum"


def test_ready_may_be_said_after_mending(site: Site) -> None:
    """A printer that is ready already, and has failed films, starts anew; the answer says so."""
    site.failing("oki-1", 3)

    told = site.broker("printers", "ready", "oki-1").out

    assert told == (
        "oki-1 is ready and up: it takes jobs now; what it failed before is forgotten\n"
    )
    assert site.printers.get("oki-1").failures_in_row == 0
    told = site.broker("printers", "ready", "oki-1").out
    assert told == "oki-1 is ready and up: it takes jobs now\n"


def test_a_printer_that_is_up_takes_jobs_at_once(site: Site) -> None:
    """Ready ends drain without waiting for a check."""
    site.up("oki-1")
    site.broker("printers", "drain", "oki-1", "-r", "new drum")
    assert ": new drum" in site.broker("printers").out
    said = site.broker("printers", "ready", "oki-1").out
    assert said == "oki-1 is ready and up: it takes jobs now\n"


def test_an_unknown_printer_is_one_line_and_exit_1(site: Site) -> None:
    """Stderr names the known ones."""
    ended = site.broker("printers", "drain", "oki-9")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "there is no printer oki-9; there are: oki-1, oki-2\n"


def test_no_printers_is_said(site: Site) -> None:
    """Films are refused then; JSON is an empty list."""
    site.file.write_text("")
    site.printers.sync([])
    assert site.broker("printers").out.splitlines()[NOTICE:] == [
        "No printers are configured. New films are refused; what waits is kept."
    ]
    assert json.loads(site.broker("printers", "--json").out) == []


def test_a_printer_new_in_the_configuration_is_there_at_once(site: Site) -> None:
    """Commands do not wait for the broker to read its configuration again; none is removed."""
    site.file.write_text(
        '[[printers]]\nname = "oki-3"\nae_title = "OKI3"\nhost = "127.0.0.1"\nport = 3\n'
    )
    names = {each["name"] for each in json.loads(site.broker("printers", "--json").out)}
    assert names == {"oki-1", "oki-2", "oki-3"}


def test_films_failed_of_late_stand_beside_a_printer_that_is_up(site: Site) -> None:
    """A check that passed since hides nothing: the next film may fail, too."""
    site.up("oki-1")
    for number, words in ((1, "its last attempt failed"), (2, "its last 2 attempts failed")):
        with site.database.write() as connection:
            blame(connection, "oki-1", PrinterVerdict(True, "oki-1: 0xC602"), time.time())
        assert "0xC602" in site.broker("printers").out
        site.up("oki-1")
        assert site.printers.get("oki-1").failures_in_row == number
        assert words in site.broker("printers").out


def test_a_drain_forgives_nothing(site: Site) -> None:
    """Only who says `ready` has mended it."""
    site.failing("oki-1", 3)
    assert "forgotten" not in site.broker("printers", "drain", "oki-1").out
    assert site.printers.get("oki-1").failures_in_row == 3


def test_a_name_in_other_letters_is_guessed(site: Site) -> None:
    """Names are typed in a hurry."""
    ended = site.broker("printers", "ready", "OKI-1")
    assert ended.code == 1
    assert "did you mean oki-1?" in ended.err


def test_show_tells_what_was_learned(site: Site) -> None:
    """Each thing with its time and the command that forgets it; as JSON, too."""
    site.up("oki-1")
    assert "Nothing was learned" in site.broker("printers", "show", "oki-1").out
    trait = Trait(PrintObject.FILM_BOX, "FilmSizeID", "14INX17IN")
    site.capabilities.learn("oki-1", Capability(Lesson.REFUSES, trait, frozenset({trait}), 0x0106))
    said = " ".join(site.broker("printers", "show", "oki-1").out.split())
    assert "refuses FilmSizeID 14INX17IN of the film box; " in said
    assert "`broker printers forget oki-1` forgets that." in said
    assert max(map(len, site.broker("printers", "show", "oki-1").out.splitlines())) <= 80
    shown = json.loads(site.broker("printers", "show", "oki-1", "--json").out)
    (learned,) = shown["capabilities"]
    assert (learned["lesson"], learned["keyword"], learned["value"], learned["answer"]) == (
        "refuses",
        "FilmSizeID",
        "14INX17IN",
        0x0106,
    )
    assert "known to refuse FilmSizeID 14INX17IN" in site.broker("printers").out


def test_the_same_lesson_beside_others_is_shown_once(site: Site) -> None:
    """With the number of requests in which it was learned."""
    trait = Trait(PrintObject.FILM_BOX, "Trim", "YES")
    for size in ("A3", "A4"):
        beside = frozenset({trait, Trait(PrintObject.FILM_BOX, "FilmSizeID", size)})
        site.capabilities.learn("oki-1", Capability(Lesson.WITHOUT, trait, beside))
    said = " ".join(site.broker("printers", "show", "oki-1").out.split())
    assert said.count("is not asked for Trim YES of the film box, in 2 requests; ") == 1


def test_forget_is_recorded(site: Site) -> None:
    """And says what it means; a printer that there is not is named."""
    trait = Trait(PrintObject.FILM_BOX, "Trim", "YES")
    site.capabilities.learn("oki-1", Capability(Lesson.WITHOUT, trait))
    done = site.broker("printers", "forget", "oki-1")
    assert done.out == (
        "forgot 1 thing learned of oki-1: it is asked for all that films ask again\n"
    )
    assert site.broker("printers", "forget", "oki-1").out == (
        "nothing was learned of oki-1; nothing was changed\n"
    )
    assert site.broker("printers", "forget", "oki-9").code == 1


OKI = PrinterIdentity("OKI DATA CORP", "C650", "AK1234567", "1.12, 3.4", "RADIOLOGY")
TOLD = IdentityReply(IdentityAnswer.TOLD, OKI)
REFUSED = IdentityReply(IdentityAnswer.REFUSED)
SILENT = IdentityReply(IdentityAnswer.SILENT)


def test_show_tells_who_a_printer_says_it_is(site: Site) -> None:
    """As far as it told that; and that it did not, or was not asked."""

    def said() -> list[str]:
        lines = site.broker("printers", "show", "oki-1").out.splitlines()
        assert max(map(len, lines)) <= 80
        return [" ".join(each.split()) for each in lines]

    assert "Model not asked yet" in said()
    address = site.printers.get("oki-1").address
    site.printers.identified("oki-1", IS_BUSY, address)
    assert "Model the printer was busy when it was asked" in said()
    site.printers.identified("oki-1", REFUSED, address)
    assert "Model the printer does not tell it" in said()
    site.printers.identified("oki-1", SILENT, address)
    assert "Model the printer did not answer when it was asked" in said()
    site.printers.identified("oki-1", TOLD, address)
    for line in (
        "Model OKI DATA CORP C650",
        "Serial number AK1234567",
        "Software 1.12, 3.4",
        "Its own name RADIOLOGY",
    ):
        assert line in said()
    for reply, since in (
        (REFUSED, "and not since"),
        (SILENT, "it did not answer since"),
        (IS_BUSY, "it was busy when it was asked since"),
    ):
        site.printers.identified("oki-1", reply, address)
        assert re.search(rf"OKI DATA CORP C650 \(told .* [A-Z]+, {since}\)", " ".join(said()))


def test_show_tells_why_a_printer_is_not_asked_who_it_is(site: Site) -> None:
    """As its status is not known, or as the site has set that."""

    def said() -> str:
        return " ".join(site.broker("printers", "show", "oki-1").out.split())

    words = "oki-1: N-GET of the Printer answered 0x0112; its status is not known"
    seen = Observation(Health.UP, words, 2, 0, time.time())
    site.printers.observe("oki-1", lambda _: seen)
    assert "Model not asked, as its status is not known" in said()
    address = site.printers.get("oki-1").address
    site.printers.sync([replace(address, identify=False)], remove=False)
    assert "Model not asked, as printers.identify is false" in said()
    assert "identify false" in said()


def test_the_json_has_who_a_printer_says_it_is(site: Site) -> None:
    """Empty texts where nothing is known."""
    site.printers.identified("oki-1", TOLD, site.printers.get("oki-1").address)

    first, second = json.loads(site.broker("printers", "--json").out)

    assert (first["manufacturer"], first["model"]) == ("OKI DATA CORP", "C650")
    assert (first["serial_number"], first["software_versions"]) == ("AK1234567", "1.12, 3.4")
    assert first["identity_told_at"].endswith("Z")
    assert (second["manufacturer"], second["model"], second["identity_asked_at"]) == ("", "", None)
    assert (first["identity_answer"], second["identity_answer"]) == ("told", "")
    assert first["identify"]
    assert json.loads(site.broker("printers", "show", "oki-1", "--json").out)["model"] == "C650"
