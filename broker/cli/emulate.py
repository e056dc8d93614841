"""`broker emulate`: printers that are programs, to try the broker or a modality on."""

from __future__ import annotations

import contextlib
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.options import ae_title as titled
from broker.model.peers.hosts import at_port, plain_host
from broker.model.printable import one_line

if TYPE_CHECKING:
    from broker.emulator.scenario import Scenario


def emulate(
    name: Annotated[
        str, typer.Option("--name", help="The printer's name.", metavar="NAME")
    ] = "oki-1",
    ae_title: Annotated[
        str,
        typer.Option(
            "--ae-title",
            help="Its AE title; else the name in capitals, without dashes.",
            callback=titled,
            metavar="AE",
        ),
    ] = "",
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on.", metavar="HOST")
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            "--port",
            help="Port to listen on; 0 takes a free one.",
            metavar="PORT",
            min=0,
            max=65535,
        ),
    ] = 11113,
    tray: Annotated[
        Path | None,
        typer.Option("--tray", help="Folder for finished sheets; else the name.", metavar="DIR"),
    ] = None,
    seconds: Annotated[
        float,
        typer.Option("--seconds", help="How long a sheet takes.", metavar="N", min=0.0, max=3600.0),
    ] = 1.0,
    scenario: Annotated[
        str,
        typer.Option("--scenario", help="A fault to show; --scenarios lists them.", metavar="NAME"),
    ] = "ok",
    scenarios: Annotated[
        bool, typer.Option("--scenarios", help="List the scenarios, and end.")
    ] = False,
) -> None:
    """Be a printer: a Print SCP that writes films as pictures.

    It behaves as OKI's DICOM-embedded printers say they do: grayscale and color print,
    Presentation LUT, Print Job, Verification; no annotation. Nothing is sent anywhere.

    Example: broker emulate --name oki-1 --port 11113 --scenario slow:5
    """
    from broker.emulator.scenario import HELP, Scenario, UnknownScenario

    if scenarios:
        for word, meaning in HELP.items():
            typer.echo(f"{word:<24}{meaning}")
        return
    try:
        wrong = Scenario.parse(scenario)
    except UnknownScenario as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    called = ae_title or name.replace("-", "").upper()[:16]
    _stay(name, called, plain_host(host), port, tray, seconds, wrong)


def _stay(
    name: str,
    ae_title: str,
    host: str,
    port: int,
    tray: Path | None,
    seconds: float,
    scenario: Scenario,
) -> None:
    from broker.emulator.printer import EmulatedPrinter

    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    printer = EmulatedPrinter(
        name,
        ae_title,
        tray or Path(name),
        host=host,
        port=port,
        seconds_per_film=seconds,
        scenario=scenario,
        associations=4,
    )
    with printer:
        typer.echo(
            f"{name} listens on {at_port(host, printer.port)} as {ae_title}; sheets go to "
            f"{(tray or Path(name)).absolute()}. Ctrl-C ends it."
        )
        told = 0
        while not over.is_set():
            with contextlib.suppress(TimeoutError):
                printer.wait_for_sheets(told + 1, timeout=0.2)
            for sheet in printer.sheets[told:]:
                told += 1
                line = (
                    f"sheet {sheet.number:04}: {sheet.film_size or 'default size'}, "
                    f"{sheet.display_format}, {sheet.copies} x, from {sheet.calling_ae}"
                )
                typer.echo(one_line(line))
