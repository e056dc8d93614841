"""Every status that a printer may answer with, at every step of a film's sending.

The printer is alone, and answers so only the first time that it hears of a job: what the status
means is told by whether the job comes out at once, comes out at the next try, or is held. A status
that may be about one attribute it answers each time: the request without it is refused, too.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.dicom.scu.adaptation import REFUSALS
from broker.dicom.statuses import UNWELCOME, Meaning, meaning, words
from broker.model.jobs.job import FilmState
from tests.peers.faulty_relay import faulty_relay
from tests.peers.printer_fault import Fault, Step, says
from tests.peers.scripted_printer import ScriptedPrinter

STATUSES = [
    status
    for status in range(1, 0x10000)
    if words(status) != f"0x{status:04X}" or meaning(status) in (Meaning.PASSING, Meaning.PERMANENT)
]
"""All that are known by words, or by what follows from them."""

OUT = ("sent", ["accepted"], "accepted", 1)
"""The job's state, its attempts, its film, and how often that came out."""
OUT_AFTER_A_REST = ("sent", ["unavailable", "accepted"], "accepted", 1)
OUT_AFTER_ALL = ("sent", ["refused", "accepted"], "accepted", 1)
NOT_OUT = ("held", ["refused"], "waiting", 0)

BEFORE_THE_LINE = {
    Meaning.ALTERED: OUT,
    Meaning.EMPTY: OUT,
    Meaning.PASSING: OUT_AFTER_A_REST,
    Meaning.UNCLEAR: OUT_AFTER_ALL,
    Meaning.PERMANENT: NOT_OUT,
}
AT_THE_LINE = {**BEFORE_THE_LINE, Meaning.EMPTY: OUT_AFTER_ALL}
AFTER_THE_LINE = dict.fromkeys(Meaning, OUT)

SENTENCES = {
    Step.SESSION: "N-CREATE of the film session",
    Step.LUT: "N-CREATE of the Presentation LUT",
    Step.FILM_BOX: "N-CREATE of the film box",
    Step.IMAGE: "N-SET of image 1",
    Step.ACTION: "N-ACTION",
    Step.CLEAR: "",
    Step.END: "",
}
"""What the operator is told that the status answered; nothing after the line."""


def expected(step: Step, status: int) -> dict[str, object]:
    """What has become of a job whose printer answered so at that step."""
    told = meaning(status)
    table = BEFORE_THE_LINE if SENTENCES[step] else AFTER_THE_LINE
    if step is Step.ACTION:
        table = AT_THE_LINE
    fares = table[told]
    if step is Step.SESSION and status in UNWELCOME:
        fares = OUT_AFTER_A_REST
    state, outcomes, film, sheets = fares
    held = f"every printer refused it: faulty: {SENTENCES[step]} answered {words(status)}"
    remark = f"{SENTENCES[step]}: {words(status)}"
    altered = state == "sent" and len(outcomes) == 1 and bool(SENTENCES[step])
    return {
        "job": (state, held if state == "held" else ""),
        "attempts": outcomes,
        "film": (film, remark if altered else ""),
        "sheets": sheets,
    }


@pytest.mark.parametrize("step", SENTENCES, ids=str)
def test_every_status_at(step: Step, tmp_path: Path) -> None:
    """Warnings print and are told, what may pass is tried again, what will not is held."""
    faults = {
        f"{status:04X}": Fault(step, says(status), nth=0 if status in REFUSALS else 1)
        for status in STATUSES
    }
    printer = ScriptedPrinter("faulty", by_label=faults)
    found, wanted = {}, {}
    with faulty_relay(tmp_path, printer, fall=100) as relay:
        ct = relay.speaker()
        for label in faults:
            relay.ask_for_films(label=label, ct=ct)
        relay.wait_until_settled(attempts=1000)
        for status, job in zip(STATUSES, relay.jobs(), strict=True):
            (film,) = relay.service.jobs.queries.films(job.id)
            attempts = relay.service.jobs.queries.attempts(job.id)
            waiting = film.state is FilmState.WAITING
            found[words(status)] = {
                "job": (str(job.state), job.reason),
                "attempts": [str(each.outcome) for each in attempts],
                "film": (str(film.state), "" if waiting else film.words),
                "sheets": sum(paper.label == f"{status:04X}" for paper in printer.films),
            }
            wanted[words(status)] = expected(step, status)
    assert wanted == found
