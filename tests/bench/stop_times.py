"""How long a stop takes, from SIGTERM to the end of the process, whatever is going on."""

from __future__ import annotations

import argparse
import http.client
import signal
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from rich.text import Text

from broker.cli.output.tables import Column, Row, as_json, lay_out, show, terminal
from broker.dicom.uids import GRAYSCALE_META, IMPLICIT_LITTLE
from broker.dicom.upper_layer.activity import BETWEEN_S
from broker.dicom.upper_layer.negotiation import Offer
from broker.emulator.printer import EmulatedPrinter
from tests.bench.machine import machine
from tests.bench.rounds import Rounds
from tests.peers.broker_process import PATIENCE_S, BrokerProcess
from tests.peers.raw import Raw, data_pdu
from tests.peers.speaker import Speaker

TIMES = 3
HOLES = 5
"""Printers that take a connection and say nothing."""


class Site:
    """A broker with its page, and what is around it until the stack ends."""

    def __init__(self, stack: ExitStack, folder: Path, case: Case, grace_s: float | None) -> None:
        self._stack = stack
        self.holes = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            for _ in range(case.holes + case.webhook)
        ]
        printers = []
        if case.printer:
            self.printer = stack.enter_context(
                EmulatedPrinter("oki-1", "OKI1", folder / "tray", scenario=case.scenario)
            )
            printers.append(("oki-1", self.printer.port))
        holes = [hole.getsockname()[1] for hole in self.holes]
        printers += [(f"hole-{port}", port) for port in holes[: case.holes]]
        text = '[broker]\nhost = "127.0.0.1"\nport = 0\n'
        text += "" if grace_s is None else f"grace_s = {grace_s}\n"
        text += "[web]\nport = 0\n[health]\ninterval_s = 0.3\ntimeout_s = 60\n"
        if case.webhook:
            text += f'[notify]\nwebhook = "http://127.0.0.1:{holes[-1]}/"\n'
            text += "[retention]\nfloor_mb = 10000000\n"  # the disk is low: that is told
        for name, port in printers:
            text += f'[[printers]]\nname = "{name}"\nae_title = "OKI1"\n'
            text += f'host = "127.0.0.1"\nport = {port}\n'
        file = folder / "broker.toml"
        file.write_text(text)
        self.broker = stack.enter_context(BrokerProcess(file, web=True))
        self.page = urlsplit(str(self.broker.wait_for("page served")["url"]))
        self._ask("/healthz")

    def speaker(self) -> Speaker:
        """An association, aborted at the end."""
        speaker = Speaker(self.broker.port)
        self._stack.callback(speaker.abort)
        return speaker

    def raw(self) -> Raw:
        """A connection, closed at the end."""
        return self._stack.enter_context(Raw.connect(self.broker.port))

    def stream(self) -> None:
        """An open event stream of the page, which has told something."""
        self._ask("/events")

    def _ask(self, path: str) -> None:
        page = http.client.HTTPConnection(self.page.hostname or "", self.page.port, PATIENCE_S)
        self._stack.callback(page.close)
        page.request("GET", path)
        page.getresponse().read1(1)

    def wait_for_calls(self) -> None:
        """Return when something has connected to each hole; it hears nothing."""
        for hole in self.holes:
            hole.settimeout(PATIENCE_S)
            self._stack.enter_context(hole.accept()[0])

    def stop(self) -> float:
        """SIGTERM; the seconds until the process has ended."""
        began = time.monotonic()
        code = self.broker.end(signal.SIGTERM)
        took = time.monotonic() - began
        if code:
            raise RuntimeError(f"exit code {code}")
        return took


def _nothing(_site: Site) -> None:
    """Nothing goes on."""


def _idle(site: Site, number: int = 1) -> None:
    for _ in range(number):
        site.speaker().open_session()
    _rest()


def _idle_20(site: Site) -> None:
    _idle(site, 20)


def _rest() -> None:
    """Until a film session is one in which no film is about to follow."""
    threading.Event().wait(BETWEEN_S)


def _printed(site: Site) -> None:
    if site.speaker().print_film():
        raise RuntimeError("the film was refused")
    site.broker.wait_for("job sent")
    _rest()


def _unprinted(site: Site) -> None:
    modality = site.speaker()
    modality.open_session()
    modality.open_film_box()
    modality.set_image()


def _half_a_request(site: Site) -> None:
    raw = site.raw()
    raw.associate(Offer(GRAYSCALE_META, (IMPLICIT_LITTLE,)))
    raw.send(data_pdu(1, 0x03, bytes(200))[:50])


def _in_action(site: Site) -> None:
    if site.speaker().print_film():
        raise RuntimeError("the film was refused")
    site.printer.print_jobs.wait_until_begun(1)


def _streams(site: Site) -> None:
    for _ in range(10):
        site.stream()


def _called(site: Site) -> None:
    site.wait_for_calls()


@dataclass(frozen=True)
class Case:
    """What goes on when the broker is told to stop."""

    words: str
    begin: Callable[[Site], None]
    printer: bool = True
    scenario: str = "ok"
    """Of the printer."""
    holes: int = 0
    """Printers that take a connection and do not answer."""
    webhook: int = 0
    """1: there is one, which takes a message and does not answer."""


CASES = {
    "nothing": Case("nothing", _nothing),
    "idle": Case("one association, idle", _idle),
    "idle-20": Case("20 associations, idle", _idle_20),
    "printed": Case("an association that printed, idle", _printed),
    "streams": Case("the page with 10 event streams", _streams),
    "checks": Case(f"{HOLES} printers that do not answer checks", _called, False, holes=HOLES),
    "webhook": Case("a webhook that does not answer", _called, False, webhook=1),
    "unprinted": Case("an association with an unprinted film", _unprinted),
    "half": Case("half a request", _half_a_request),
    "action": Case("a printer that does not answer N-ACTION", _in_action, scenario="slow:600"),
}


@dataclass
class Stopped:
    """How long one case took, in seconds."""

    case: str
    seconds: list[float] = field(default_factory=list)


def stop_once(case: Case, grace_s: float | None = None) -> float:
    """Start a broker, begin the case, stop it; the seconds that the stop took."""
    with tempfile.TemporaryDirectory(prefix="stop-") as folder, ExitStack() as stack:
        site = Site(stack, Path(folder), case, grace_s)
        case.begin(site)
        return site.stop()


def measure(names: Sequence[str], times: int, grace_s: float | None = None) -> list[Stopped]:
    """Each case so often, in turn."""
    found = {name: Stopped(name) for name in names}
    with Rounds(len(names) * times) as bar:
        done = 0
        for _ in range(times):
            for name in names:
                found[name].seconds.append(stop_once(CASES[name], grace_s))
                done += 1
                bar.done(done, f"{CASES[name].words}: {found[name].seconds[-1]:.2f} s")
    return list(found.values())


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and show; the exit code."""
    chosen = _parser().parse_args(arguments)
    found = measure(chosen.case or list(CASES), chosen.times, chosen.grace)
    if chosen.json:
        rows = [{"case": each.case, "seconds": each.seconds} for each in found]
        sys.stdout.write(as_json({"machine": machine(), "stop_times": rows}) + "\n")
        return 0
    columns = (
        Column("WHILE THERE IS"), Column("MEDIAN, S", right=True), Column("WORST, S", right=True)
    )  # fmt: skip
    rows = [
        Row(
            (
                CASES[each.case].words,
                f"{statistics.median(each.seconds):.2f}",
                f"{max(each.seconds):.2f}",
            )
        )
        for each in found
    ]
    console = terminal()
    grace = "by default" if chosen.grace is None else f"of {chosen.grace:g} s"
    words = f"From SIGTERM to the end of the process, {chosen.times} times; grace_s {grace}."
    lines = [Text(machine()), Text(words), Text()]
    show([*lines, *lay_out(columns, rows, console.width)], console)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.stop_times",
        description="Stops `broker serve` by SIGTERM in the middle of things. All on 127.0.0.1.",
        epilog="Example: python -m tests.bench.stop_times --case idle --times 1",
    )
    parser.add_argument(
        "--case", action="append", choices=CASES, metavar="CASE", help=", ".join(CASES)
    )
    parser.add_argument("--times", type=int, default=TIMES, metavar="N", help=f"each ({TIMES})")
    parser.add_argument("--grace", type=float, metavar="S", help="broker.grace_s, else its default")
    parser.add_argument("--json", action="store_true", help="figures for machines")
    return parser


if __name__ == "__main__":
    sys.exit(main())
