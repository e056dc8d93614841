"""One bad morning: modalities print, printers fail, and every sheet is counted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from broker.dicom import statuses
from broker.emulator.modality import Modality
from broker.model.printers.trouble import Trouble
from tests.bench.figures import Figures, Told, count
from tests.bench.films import MorningFilm, films_of
from tests.bench.front import Front
from tests.bench.printers import HOST, PoweredPrinter

PRINTERS = ("oki-1", "oki-2", "oki-3")
DYING, REFUSING = 1, 2
"""Which of them do so."""
AE_TITLE = "OKI"
"""Of every printer: behind a balancer, which cannot change what modalities call, it is one."""
REFUSAL = statuses.PROCESSING_FAILURE
"""Processing failure: what a printer answers to N-ACTION when something is wrong with itself. It
says neither that the film is bad nor that waiting would help."""

OpenFront = Callable[[Path, Sequence[PoweredPrinter], float], Front]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What happens, and when, in seconds from the first call of a modality."""

    modalities: int = 8
    films: int = 12
    """For each modality."""
    seconds_per_film: float = 0.15
    dies_at: float = 0.8
    refuses_at: float = 1.2
    recover_at: float = 3.0
    interval_s: float = 2.0
    """Between two checks of a printer, for both columns: HAProxy's default, which appliances built
    on it keep or lengthen. The broker's own default is 5 s."""

    @property
    def total(self) -> int:
        """Films of all modalities."""
        return self.modalities * self.films


def run(
    plan: Plan,
    open_front: OpenFront,
    folder: Path,
    *,
    say: Say = lambda _words: None,
    on_told: Callable[[], None] = lambda: None,
) -> Figures:
    """A morning in an empty folder; `on_told` is called for every film that a modality is done
    with, from any thread."""
    with ExitStack() as stack:
        printers = [
            stack.enter_context(
                PoweredPrinter(name, AE_TITLE, folder / name, plan.seconds_per_film)
            )
            for name in PRINTERS
        ]
        printers[DYING].prepare_another()
        front = stack.enter_context(open_front(folder, printers, plan.interval_s))
        rolls = [films_of(f"CT{each}", plan.films) for each in range(1, plan.modalities + 1)]
        began = time.time()
        told = _print(plan, front, printers, rolls, say, on_told)
        front.settle(sum(not each.error for each in told))
        for printer in printers:
            # A modality that was told of an error has left; its film may still be in the rollers.
            printer.wait_until_still(3 * plan.seconds_per_film)
        return count(
            told,
            {printer.name: printer.sheets() for printer in printers},
            front.jobs(),
            max(printer.last_sheet_at() for printer in printers) - began,
        )


def _print(
    plan: Plan,
    front: Front,
    printers: Sequence[PoweredPrinter],
    rolls: Sequence[Sequence[MorningFilm]],
    say: Say,
    on_told: Callable[[], None],
) -> list[Told]:
    """All modalities at once, and the troubles of the printers beside them."""
    over = threading.Event()
    with ThreadPoolExecutor(len(rolls) + 1) as pool:
        troubles = pool.submit(_trouble, plan, printers, over, say)
        try:
            modalities = [pool.submit(work, front, roll, on_told) for roll in rolls]
            told = [each for modality in modalities for each in modality.result()]
        except BaseException:
            over.set()
            raise
        troubles.result()
        return told


def work(
    front: Front, roll: Sequence[MorningFilm], on_told: Callable[[], None] = lambda: None
) -> list[Told]:
    """One modality, film after film, whatever it is told of each.

    Each film has an association of its own: that is all that a balancer can balance, and the way in
    which one refused film costs the modality no other.
    """
    told = []
    for film in roll:
        began = time.monotonic()
        error = _print_film(front, film)
        told.append(Told(film, error, time.monotonic() - began))
        on_told()
    return told


def _print_film(front: Front, film: MorningFilm) -> str:
    """What went wrong, in words; empty when N-ACTION was answered 0x0000."""
    try:
        (answer,) = Modality(film.modality).print(
            HOST, front.port, front.ae_title, [film.film], lambda _name: film.content
        )
    except Trouble as trouble:
        # Without the address, whose port differs from morning to morning.
        return trouble.words.removeprefix(f"{front.ae_title}: {HOST}:{front.port} ")
    if answer.step == "N-ACTION" and answer.status == statuses.SUCCESS:
        return ""
    return f"{answer.step} answered 0x{answer.status:04X}"


def _trouble(
    plan: Plan, printers: Sequence[PoweredPrinter], over: threading.Event, say: Say
) -> None:
    """Two of three printers fail, each in its own way, and are mended."""
    dying, refusing = printers[DYING], printers[REFUSING]
    began = time.monotonic()

    def recover() -> None:
        dying.switch_on()
        refusing.suffer("ok")

    script: list[tuple[float, str, Callable[[], None]]] = [
        (plan.dies_at, f"{dying.name} dies without a word", dying.pull_the_plug),
        (
            plan.refuses_at,
            f"{refusing.name} answers C-ECHO and refuses N-ACTION with 0x{REFUSAL:04X}",
            lambda: refusing.suffer(f"refuse-action:0x{REFUSAL:04X}"),
        ),
        (plan.recover_at, "both recover", recover),
    ]
    for at, words, happen in script:
        if over.wait(max(0.0, began + at - time.monotonic())):
            return
        happen()
        say(f"{at:g} s: {words}")
