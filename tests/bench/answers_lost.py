"""Answers that are lost on their way: the broker's requestor, and pynetdicom's, at one printer.

Both print small films, many at once. A film counts as lost when its N-ACTION was left without an
answer: the printer did answer, as its tray shows.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE
from rich.text import Text

from broker.cli.output.tables import Column, Row, as_json, lay_out, show, terminal
from broker.dicom.uids import (
    EXPLICIT_LITTLE,
    FILM_BOX,
    FILM_SESSION,
    GRAYSCALE_IMAGE_BOX,
    GRAYSCALE_META,
)
from broker.model.printers.trouble import Uncertain
from tests.bench.film_times import picture, print_film
from tests.bench.machine import machine
from tests.bench.printers import PoweredPrinter
from tests.bench.rounds import Rounds
from tests.bench.servers import Server
from tests.peers.speaker import dataset, image_box, reference
from tests.peers.speaker import picture as small_picture

AT_ONCE = 16
FILMS: Mapping[str, int] = {"broker's": 2000, "pynetdicom": 320}
"""Requestor -> films."""
TIMEOUT_S = 10.0
"""Of pynetdicom, for one answer."""

Print = Callable[[Server], str]
"""Prints one film; says why its answer was lost, or nothing."""


@dataclass(frozen=True)
class Losses:
    """What became of the films of one requestor."""

    requestor: str
    films: int
    lost: int
    sheets: int
    seconds: float


def with_ours(server: Server) -> str:
    """One film by the broker's own requestor."""
    film, content = picture(8, 0)
    try:
        print_film(server, film, content)
    except Uncertain as error:
        return error.words
    return ""


def with_pynetdicom(server: Server) -> str:
    """One film by the library's requestor, as its documentation shows it."""
    entity = AE("BENCH")
    entity.dimse_timeout = TIMEOUT_S
    entity.add_requested_context(GRAYSCALE_META, EXPLICIT_LITTLE)
    association = entity.associate("127.0.0.1", server.port, ae_title=server.ae_title)
    if not association.is_established:
        raise RuntimeError("the printer took no association")
    meta = {"meta_uid": GRAYSCALE_META}
    session, box = generate_uid(), generate_uid()
    asked = dataset(
        ImageDisplayFormat=r"STANDARD\1,1",
        ReferencedFilmSessionSequence=[reference(FILM_SESSION, session)],
    )
    steps: list[tuple[str, Callable[[], tuple[Dataset, Dataset | None]]]] = [
        (
            "N-CREATE",
            lambda: association.send_n_create(
                dataset(NumberOfCopies="1"), FILM_SESSION, session, **meta
            ),
        ),
        ("N-CREATE", lambda: association.send_n_create(asked, FILM_BOX, box, **meta)),
    ]
    made: Dataset | None = None
    for name, step in steps:
        status, made = step()
        if not status:
            association.abort()
            return f"{name} was left without an answer"
    assert made is not None
    image = str(made.ReferencedImageBoxSequence[0].ReferencedSOPInstanceUID)
    content = image_box(1, small_picture())
    for name, step in (
        ("N-SET", lambda: association.send_n_set(content, GRAYSCALE_IMAGE_BOX, image, **meta)),
        ("N-ACTION", lambda: association.send_n_action(None, 1, FILM_BOX, box, **meta)),
    ):
        status, _ = step()
        if not status:
            association.abort()
            return f"{name} was left without an answer"
    association.release()
    return ""


REQUESTORS: Mapping[str, Print] = {"broker's": with_ours, "pynetdicom": with_pynetdicom}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and show; exit code 1 when an answer to the broker's requestor was lost."""
    chosen = _parser().parse_args(arguments)
    found = measure({name: chosen.films or number for name, number in FILMS.items()})
    if chosen.json:
        rows = [asdict(each) for each in found]
        sys.stdout.write(as_json({"machine": machine(), "answers": rows}) + "\n")
    else:
        _show(found)
    return 1 if found[0].lost else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.answers_lost",
        description=(
            f"Prints small films, {AT_ONCE} at once, on an emulated printer: with the broker's "
            "requestor, and with pynetdicom's. All on 127.0.0.1."
        ),
        epilog="Example: python -m tests.bench.answers_lost --films 500",
    )
    parser.add_argument("--films", type=int, metavar="N", help="of each (2000, and 320)")
    parser.add_argument("--json", action="store_true", help="figures for machines")
    return parser


def measure(films: Mapping[str, int]) -> list[Losses]:
    """Each requestor on a printer of its own."""
    found = []
    with Rounds(sum(films.values())) as bar:
        done = 0
        for name, number in films.items():
            with _printer() as (printer, server), ThreadPoolExecutor(AT_ONCE) as pool:
                began = time.monotonic()
                lost = 0
                for why in pool.map(REQUESTORS[name], [server] * number):
                    done += 1
                    lost += bool(why)
                    if why or done % 100 == 0:
                        bar.done(done, f"{name}: {lost} lost; {why}" if why else name)
                seconds = time.monotonic() - began
                printer.wait_until_still(0.5)
                found.append(Losses(name, number, lost, len(printer.sheets()), seconds))
    return found


@contextmanager
def _printer() -> Iterator[tuple[PoweredPrinter, Server]]:
    with (
        tempfile.TemporaryDirectory(prefix="answers-") as folder,
        PoweredPrinter("oki-1", "OKI1", Path(folder), 0.0) as printer,
    ):
        yield printer, Server(printer.port, printer.ae_title, 0)


def _show(found: Sequence[Losses]) -> None:
    columns = (
        Column("REQUESTOR"),
        Column("FILMS", right=True),
        Column("ANSWERS LOST", right=True),
        Column("SHEETS", right=True),
        Column("FILMS A SECOND", right=True),
    )
    rows = [
        Row(
            (
                each.requestor,
                str(each.films),
                str(each.lost),
                str(each.sheets),
                f"{each.films / each.seconds:.0f}",
            )
        )
        for each in found
    ]
    console = terminal()
    lines = [Text(machine()), Text(f"{AT_ONCE} at once, on one emulated printer."), Text()]
    show([*lines, *lay_out(columns, rows, console.width)], console)


if __name__ == "__main__":
    raise SystemExit(main())
