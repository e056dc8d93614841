"""The cause of each reason that a printer or a job can show, and its remedy: none has none."""

from __future__ import annotations

import ast
import inspect
import string
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import broker
from broker.dicom.scu.print_scu import broken_words, rejection_words
from broker.dicom.statuses import _WORDS as STATUSES
from broker.dicom.statuses import words
from broker.dicom.upper_layer.connection import Broken, Rejected
from broker.dicom.upper_layer.negotiation import _REJECTIONS as REJECTIONS
from broker.dicom.upper_layer.negotiation import rejection
from broker.dicom.upper_layer.tls import _FOUND, _SAID
from broker.model.jobs.job import Outcome, State
from broker.model.printers import trouble as troubles
from broker.model.printers.health import Check, CheckKind, observe, of_printer_status
from broker.model.printers.printer import Address, Duty, Health, Printer
from broker.model.printers.retry import Policy, TroubleContext, after
from broker.model.printers.trouble import (
    AS_CHOSEN,
    OwnFault,
    RecordDamaged,
    Refused,
    SpoolDamaged,
    Trouble,
    Unavailable,
    Uncertain,
)
from broker.model.reasons.causes import (
    advised,
    of_printer,
    of_printer_words,
    of_queued_why,
    printer_remedies,
    printers_remedy,
)
from broker.model.reasons.condition import Condition
from broker.model.reasons.remedies import PLACES, REMEDIES, Cause, Face, Return
from broker.operations.condition.readiness import ObstacleKind
from broker.operations.condition.whole import CAUSES
from broker.operations.jobs.explanation import JobContext, QueueView, explain
from tests.model.conftest import NOW, MakeJob, MakePrinter

PACKAGE = Path(broker.__file__).parent
ADDRESS = Address("oki-1", "OKI1", "10.0.0.1", 104)
ALL_PLACES = dict.fromkeys(PLACES, "oki-1")
PRINTER_STATUS_INFO = (
    "BAD RECEIVE MGZ", "BAD SUPPLY MGZ", "CALIBRATING", "CALIBRATION ERR", "CHECK CHEMISTRY",
    "CHECK SORTER", "CHEMICALS EMPTY", "CHEMICALS LOW", "COVER OPEN", "ELEC CONFIG ERR",
    "ELEC DOWN", "ELEC SW ERROR", "EMPTY 8X10", "EMPTY 14X17", "EXPOSURE FAILURE", "FILM JAM",
    "FILM TRANSP ERR", "FINISHER EMPTY", "FINISHER ERROR", "FINISHER LOW", "LOW 8X10",
    "LOW 14X17", "NO RECEIVE MGZ", "NO RIBBON", "NO SUPPLY MGZ", "CHECK PRINTER", "CHECK PROC",
    "PRINTER DOWN", "PRINTER INIT", "PRINTER OFFLINE", "PROC DOWN", "PROC INIT",
    "PROC OVERFLOW FL", "PROC OVERFLOW HI", "QUEUED", "RECEIVER FULL", "REQ MED NOT INST",
    "REQ MED NOT AVAI", "RIBBON ERROR", "SUPPLY EMPTY", "SUPPLY LOW", "UNKNOWN",
)  # fmt: skip
"""The defined terms (PS3.3 C.13.9.1)."""
OF_JOBS = (
    Cause.UNCERTAIN, Cause.REFUSED_BY_ALL, Cause.CHOSEN, Cause.REFUSED_THERE, Cause.TRIES_USED_UP,
    Cause.PIXELS_GONE, Cause.PIXELS_BACK, Cause.HELD_BY_PERSON, Cause.DUPLICATE, Cause.HELD,
    Cause.PINNED_GONE,
    Cause.ENDED, Cause.OFF_DUTY,
)  # fmt: skip
"""Causes that end with a button on the page and a command."""


def fields(text: str) -> set[str]:
    """What a text leaves to be filled."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("cause", list(Cause))
def test_each_cause_has_a_remedy_for_each_face(cause: Cause) -> None:
    """A sentence on the page and one in a terminal; nothing to type on the page; what is left open
    is one of the known places."""
    remedy = REMEDIES[cause]
    page, commands = (remedy.at(face, **ALL_PLACES) for face in Face)
    assert page.strip()
    assert commands.strip()
    assert "`" not in page
    assert not any(each in page for each in ("broker jobs", "broker printers", "systemctl"))
    assert fields(remedy.words + remedy.page + remedy.command) <= set(PLACES)
    assert advised(cause, **ALL_PLACES).at(Face.PAGE) == page


def test_each_cause_is_in_the_table_once() -> None:
    """None is forgotten, and none is there that nothing has."""
    assert set(REMEDIES) == set(Cause)


@pytest.mark.parametrize("cause", OF_JOBS)
def test_what_waits_for_a_person_names_a_button_and_a_command(cause: Cause) -> None:
    """Nothing moves by itself there: the button and the command are named."""
    remedy = REMEDIES[cause]
    assert remedy.back is Return.PERSON
    assert "“" in remedy.page
    assert "`broker " in remedy.command


@pytest.mark.parametrize("info", PRINTER_STATUS_INFO)
@pytest.mark.parametrize("status", ["WARNING", "FAILURE"])
def test_each_status_of_a_printer_has_a_cause(status: str, info: str) -> None:
    """Each term of the standard is sorted to what a person does there; a jam is a jam, whether it
    is told as a warning or as a failure."""
    cause = of_printer_words(of_printer_status(status, info).words)
    assert cause is not Cause.SAYS
    wanted = {
        "FILM JAM": Cause.JAM,
        "COVER OPEN": Cause.COVER,
        "SUPPLY EMPTY": Cause.SUPPLIES,
        "SUPPLY LOW": Cause.SUPPLIES_LOW,
        "REQ MED NOT INST": Cause.SIZE,
        "RECEIVER FULL": Cause.TRAY,
        "PRINTER INIT": Cause.WARMING,
        "PRINTER DOWN": Cause.DEVICE,
    }
    assert wanted.get(info, cause) is cause


def associations() -> Iterator[tuple[str, Cause | None]]:
    """Each way in which there is no association with a printer, in its words, and the cause where
    it is one by itself."""
    for (source, reason), _ in REJECTIONS.items():
        for transient in (False, True):
            said = rejection(2 if transient else 1, source, reason).words
            rejected = Rejected(said, transient=transient, reason=said)
            cause = Cause.BUSY if transient else None
            yield rejection_words(ADDRESS, "BROKER", rejected), cause
    source = (PACKAGE / "dicom/upper_layer/connection.py").read_text()
    reached = (
        ("oki:104 refused the connection", Cause.NOT_LISTENING),
        ("oki:104 did not accept the connection within 5 s", Cause.UNREACHABLE),
        ("oki:104 has a host name that is not known", Cause.HOST_NAME),
        ("oki:104 could not be reached: No route to host", Cause.UNREACHABLE),
        ("oki:104 has a host name that no certificate can have", Cause.CERTIFICATE),
        ("oki:104 took longer than 20 s for the TLS handshake; see that", Cause.TLS_EXPECTED),
        ("oki:104 closed the connection instead of a TLS handshake; see", Cause.TLS_EXPECTED),
        ("oki:104 does not speak TLS; see that it speaks TLS on this port", Cause.TLS_EXPECTED),
    )
    for said, cause in reached:
        tail = said.removeprefix("oki:104 ").split(":")[0].split(" within")[0]
        assert (
            tail.split(" 20 s")[0].split(" closed")[0].split(";")[0][:12] in source or "TLS" in said
        )
        yield broken_words(ADDRESS, Broken(said, connected=False)), cause
    for ending in ("took longer than 20 s for the association", "violated the protocol: odd",
                   "closed the connection instead of an answer", "takes no data"):  # fmt: skip
        yield broken_words(ADDRESS, Broken(f"oki:104 {ending}", connected=True)), Cause.BROKE_OFF
    for spoke in (True, False):
        broken = Broken("oki:104 violated the protocol: x", connected=False, spoke_tls=spoke)
        yield broken_words(ADDRESS, broken), Cause.TLS_EXPECTED
    for said in (*_SAID.values(), *_FOUND.values(), "violates TLS (odd)"):
        yield broken_words(ADDRESS, Broken(f"oki:104 {said}", connected=False)), None
    for said in ("shows a certificate that has expired: renew it", "finds our certificate expired"):
        cause = Cause.CLOCK if "has expired" in said else None
        yield broken_words(ADDRESS, Broken(f"oki:104 {said}", connected=False)), cause
    yield "oki-1 shows a certificate that is not valid yet: set the clock right", Cause.CLOCK
    yield "oki-1 takes no print class", Cause.NO_PRINTING
    yield "oki-1 does not offer Basic Grayscale Print Management", Cause.NO_PRINTING


@pytest.mark.parametrize(("said", "cause"), list(associations()))
def test_each_way_to_have_no_association_has_a_cause(said: str, cause: Cause | None) -> None:
    """In the words that the SCU gives it: none is sorted to `what it says`."""
    found = of_printer_words(said)
    assert found is not Cause.SAYS, said
    assert cause in (None, found), said


def test_a_wrong_ae_title_is_told_from_a_list_of_ae_titles() -> None:
    """The one is mended in the configuration or at the printer; the other at the printer alone."""
    called = rejection(1, 1, 7).words
    calling = rejection(1, 1, 3).words
    for reason, cause in ((called, Cause.CALLED_AE), (calling, Cause.CALLING_AE)):
        said = rejection_words(ADDRESS, "BROKER", Rejected("", transient=False, reason=reason))
        assert of_printer_words(said) is cause


@pytest.mark.parametrize("status", sorted(STATUSES))
def test_each_status_of_a_request_has_a_cause(status: int) -> None:
    """What a printer answers to a film: it refused it, or has no room."""
    said = f"oki-1: N-CREATE of the film box answered {words(status)}"
    assert of_printer_words(said) is not Cause.SAYS


def raised() -> Iterator[str]:
    """The words of each Refused and Unavailable that stand where it is raised, filled with x."""
    for path in sorted((PACKAGE / "dicom/scu").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id in ("Refused", "Unavailable", "Uncertain") and node.args:
                first = node.args[0]
                if isinstance(first, ast.JoinedStr):
                    yield "".join(
                        str(part.value) if isinstance(part, ast.Constant) else "x"
                        for part in first.values
                    )


@pytest.mark.parametrize("said", sorted(each for each in set(raised()) if len(each) > 12))
def test_the_words_of_each_trouble_have_a_cause(said: str) -> None:
    """As the source has them now: a new sentence needs a phrase of `model/reasons/causes.py`, or
    it is shown without what to do."""
    if said.startswith(("x: x", "x, and the image", "x, which is neither")):
        said = f"x: N-SET answered 0x0106{said[1:]}"
    assert of_printer_words(said) is not Cause.SAYS, said


TROUBLES = (
    Unavailable("oki-1: oki:104 refused the connection"),
    Unavailable("busy: oki-1 rejected the association", busy=True),
    Unavailable("oki-1: N-ACTION answered 0xC601 (print queue is full)", full=True),
    Unavailable("oki-1: oki:104 closed the connection instead of an answer", associated=True),
    Refused("oki-1: N-CREATE of the film box answered 0x0106", permanent=True),
    Refused("oki-1: N-CREATE of the film box answered 0x0106; it refuses x", permanent=True,
            learned=True),
    Refused(f"oki-1 made FilmSizeID 'A4' of 'A3'{AS_CHOSEN}", permanent=True),
    Refused("oki-1: N-ACTION answered 0xC000", permanent=False),
    Uncertain("film 1 may be on paper: oki-1: oki:104 took longer than 360 s"),
    OwnFault("the broker itself failed: MemoryError, see its log"),
    OwnFault("the film cannot be sent to oki-1 (ValueError, see the log)", permanent=True),
    SpoolDamaged("film 1: spool file ab is missing"),
    RecordDamaged("film 1: what is written of it was altered"),
)  # fmt: skip


def test_each_kind_of_trouble_is_among_them() -> None:
    """Each class of `model/printers/trouble.py`; and what one may say besides."""
    kinds = {
        each
        for _, each in inspect.getmembers(troubles, inspect.isclass)
        if issubclass(each, Trouble) and each is not Trouble
    }
    assert {type(each) for each in TROUBLES} == kinds


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda each: each.words[:40])
@pytest.mark.parametrize("before", [0, 2, 9])
def test_what_follows_a_trouble_has_a_remedy(
    trouble: Trouble, before: int, make_printer: MakePrinter, make_job: MakeJob
) -> None:
    """The printer that failed shows what to do, and so does the job that is held for it, at the
    first failure, at the one that makes it degraded and later."""
    printer = make_printer(failures_in_row=before, health=Health.UP, reason="")
    job = make_job(7)
    policy = Policy(tries=1, fall=3)
    verdict = after(trouble, TroubleContext(job, printer, [printer], policy, NOW, lambda: 0.0))
    if verdict.printer.failed:
        failed = Printer(
            **{
                **printer.__dict__,
                "health": verdict.printer.health or printer.health,
                "reason": verdict.printer.words,
                "failures_in_row": before + 1,
                "paused_until": verdict.printer.paused_until,
            }
        )
        assert all(each.commands for each in printer_remedies(failed, NOW))
        assert printer_remedies(failed, NOW)
    if verdict.settlement.state is State.HELD:
        held = make_job(7, state=State.HELD, reason=verdict.settlement.reason)
        context = JobContext(QueueView((), (), [printer], {}, True), NOW, whole=lambda: False)
        advice = explain(held, (), (), context).advice
        assert advice
        assert advice[-1].cause is not Cause.HELD or "uncertain" in held.reason
        assert (advice[-1].cause is Cause.CHOSEN) == (AS_CHOSEN in trouble.words)


@pytest.mark.parametrize("kind", list(CheckKind))
@pytest.mark.parametrize("health", list(Health))
def test_what_each_check_finds_has_a_remedy(
    kind: CheckKind, health: Health, make_printer: MakePrinter
) -> None:
    """After one check of each kind on a printer of each health: where it is not well, it says what
    to do."""
    said = {
        CheckKind.NORMAL: "",
        CheckKind.WARNING: "WARNING: SUPPLY LOW",
        CheckKind.ATTENTION: "WARNING: FILM JAM",
        CheckKind.FAILURE: "FAILURE: PRINTER DOWN",
        CheckKind.BUSY: "busy: oki-1 rejected the association",
        CheckKind.SILENT: "oki-1: oki:104 refused the connection",
    }[kind]
    printer = make_printer(health=health, reason="FAILURE" if health is Health.DOWN else "")
    seen = observe(printer, Check(kind, said), NOW, 2, 3)
    after_it = Printer(
        **{
            **printer.__dict__,
            "health": seen.health,
            "reason": seen.reason,
            "bad_checks": seen.bad_checks,
            "last_check_at": NOW,
        }
    )
    found = printer_remedies(after_it, NOW)
    if seen.health is not Health.UP or seen.reason:
        assert found
    assert all(each.commands and each.page for each in found)


def test_a_printer_out_of_service_says_how_it_comes_back(make_printer: MakePrinter) -> None:
    """In maint that alone; in drain, what is wrong with it, too."""
    maint = make_printer(duty=Duty.MAINT, health=Health.DOWN, reason="refused the connection")
    drain = make_printer(duty=Duty.DRAIN, health=Health.DOWN, reason="refused the connection")
    assert of_printer(maint, NOW) == (Cause.OFF_DUTY,)
    assert of_printer(drain, NOW) == (Cause.OFF_DUTY, Cause.NOT_LISTENING)
    (only,) = printer_remedies(maint, NOW)
    assert only.commands == "`broker printers ready oki-1` puts it back in service."


def test_an_earlier_failure_of_a_printer_out_of_service_needs_no_word(
    make_printer: MakePrinter,
) -> None:
    """Nothing is tried there: one remedy brings it back. Ready, the failure has its own."""
    drained = make_printer(duty=Duty.DRAIN, failures_in_row=1)
    assert of_printer(drained, 0.0) == (Cause.OFF_DUTY,)
    assert of_printer(replace(drained, duty=Duty.READY), 0.0) == (Cause.REFUSED_FILM,)


def test_a_printer_that_is_well_needs_no_word(make_printer: MakePrinter) -> None:
    """Nor one whose status alone is not known."""
    assert of_printer(make_printer(), NOW) == ()
    odd = make_printer(
        reason="oki-1: N-GET of the Printer answered 0x0112; its status is not known"
    )
    assert of_printer(odd, NOW) == ()


def of_a_printer(cause: Cause) -> bool:
    """Whether its remedy names a printer, and is no job's."""
    remedy = REMEDIES[cause]
    named = fields(remedy.words + remedy.page + remedy.command)
    return "printer" in named and "job" not in named


@pytest.mark.parametrize("cause", list(filter(of_a_printer, Cause)))
def test_a_printer_says_whether_it_comes_back_by_itself(cause: Cause) -> None:
    """Or that there is nothing to do, or that it prints all the while; else a person says it here,
    by a command that is named."""
    said = printers_remedy(cause, "oki-1").commands
    if REMEDIES[cause].back is Return.PERSON:
        assert "`broker " in said
    else:
        assert any(
            each in said for each in ("by itself", "by themselves", "print on", "Other films print")
        )


@pytest.mark.parametrize("kind", list(ObstacleKind))
def test_each_obstacle_has_a_cause(kind: ObstacleKind) -> None:
    """Why films are refused or not printed: the sentence of the whole says what to do."""
    assert REMEDIES[CAUSES[kind]].at(Face.COMMANDS, **ALL_PLACES)


@pytest.mark.parametrize(
    ("why", "cause"),
    [
        ("no printer can take it now: oki-1 down", Cause.NO_PRINTER_NOW),
        ("no printers are configured", Cause.NO_PRINTER_NOW),
        ("an operator moved it to oki-9, which is not a printer any more", Cause.PINNED_GONE),
        ("behind job 3 of the same film session", Cause.BEHIND),
        ("next attempt in 4 s", Cause.NEXT_TRY),
        ("in line at oki-1, 3 films before it: the least loaded", Cause.IN_LINE),
    ],
)
def test_each_reason_to_wait_has_a_cause(why: str, cause: Cause) -> None:
    """As `model/printers/choose.py` and `operations/jobs/explanation.py` word them."""
    assert of_queued_why(why) is cause


def test_each_outcome_and_condition_is_known() -> None:
    """A new one needs a look here: what does it ask of a person?"""
    assert {str(each) for each in Outcome} == {"accepted", "unavailable", "refused", "uncertain"}
    assert len(Condition) == 5


def test_a_command_names_one_printer_or_says_that_it_is_a_name() -> None:
    """What is copied into a terminal is no list in words."""
    several = printers_remedy(Cause.OFF_DUTY, "oki-1 and oki-2").commands
    assert "`broker printers ready NAME`" in several
    one = printers_remedy(Cause.OFF_DUTY, "oki-1", "oki-1").commands
    assert "`broker printers ready oki-1`" in one
