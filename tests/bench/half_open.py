"""A printer loses its power without a word while it answers N-ACTION: how long the films behind it
wait, what the table says meanwhile, and what becomes of its health.

Broker and printers are processes, each printer on a machine of its own in a network of namespaces:
its link is cut, then it is killed, so that no FIN and no reset tells the broker. Needs root.
"""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.text import Text

from broker.cli.output.tables import Column, Row, as_json, lay_out, show, terminal
from broker.model.jobs.job import State
from broker.model.printers.printer import Health
from broker.store.database import Database
from broker.store.printers import Printers
from broker.store.queue.jobs import Jobs
from tests.bench.machine import machine
from tests.bench.rounds import Rounds
from tests.peers.broker_process import BROKER, BrokerProcess, command
from tests.peers.network import Machine, Network, missing
from tests.peers.speaker import Speaker

PORT = 104
FILMS_BEHIND = 5
ASKED_S = 8.0
"""The film has been asked for so long when the power goes."""
FOR_EVER_S = 3600.0
FILM_S = 0.2
"""Of a printer that prints."""
LOOK_S = 0.1
MOST_S = 400.0
"""Nothing is waited for any longer."""
ALONE_S = 40.0
"""The films behind it are out by then, where there is no other printer."""
BESIDE_S = 5.0
"""Where there is one: at once, but for the time that it takes to hand them over and to print."""


@dataclass(frozen=True)
class Case:
    """One way to lose power."""

    words: str
    back: bool
    """It is there again at once, and has forgotten everything."""
    beside: bool
    """There is another printer."""

    @property
    def most_s(self) -> float:
        """For the films behind."""
        return BESIDE_S if self.beside else ALONE_S


CASES = {
    "alone": Case("back at once, alone", back=True, beside=False),
    "beside": Case("back at once, beside another", back=True, beside=True),
    "gone": Case("gone for good, beside another", back=False, beside=True),
}


@dataclass
class Found:
    """What came of one case; seconds from the loss of power."""

    case: str
    films_out_s: float = MOST_S
    """The last of the films behind it was accepted by a printer."""
    uncertain_s: float = MOST_S
    """The film in hand was held as uncertain."""
    said: str = ""
    """Beside its job in `broker jobs`, just before."""
    said_printer: str = ""
    """Beside its printer in `broker printers`, at the same moment."""
    health: list[str] = field(default_factory=list)
    """Of the printer, each change with its time."""
    reason: str = ""
    """Beside the film in hand in the end."""
    most_s: float = 0.0

    @property
    def good(self) -> bool:
        """Whether no film waited for too long, and a person was told why."""
        told = "waits for the answer to N-ACTION" in self.said
        return self.films_out_s <= self.most_s and self.uncertain_s <= 30 and told


def measure(names: Sequence[str], done: Callable[[int, str], None]) -> list[Found]:
    """Each case on a site of its own. `done` is told how many are over."""
    found = []
    for number, name in enumerate(names, start=1):
        with (
            tempfile.TemporaryDirectory(prefix="half-open-") as folder,
            Network() as network,
            network.inside(),
        ):
            found.append(_played(CASES[name], Path(folder), network))
        done(number, f"{found[-1].case}: films behind out after {found[-1].films_out_s:.1f} s")
    return found


def _played(case: Case, folder: Path, network: Network) -> Found:
    with ExitStack() as stack:
        dying = network.machine()
        with dying.inside():
            doomed = stack.enter_context(_printer("oki-1", folder / "first", FOR_EVER_S))
        machines = {"oki-1": dying}
        if case.beside:
            machines["oki-2"] = network.machine()
            with machines["oki-2"].inside():
                stack.enter_context(_printer("oki-2", folder / "other", FILM_S))
        if case.back:
            with dying.prepared():
                stack.enter_context(_printer("oki-1", folder / "second", FILM_S))
        config = _configured(folder, machines)
        broker = stack.enter_context(BrokerProcess(config))
        for name in machines:
            broker.wait_for("printer changed", printer=name, health="up")
        # Its log is not read any more, and must not stop it.
        threading.Thread(target=_drain, args=(broker.process,), daemon=True).start()
        database = Database.open(f"sqlite:///{folder}/broker-data/broker.db")
        stack.callback(database.close)
        jobs, printers = Jobs(database, time.time), Printers(database, time.time)
        _print_films(broker.port, 1)
        _until(lambda: bool(jobs.queries.unanswered()))
        if not case.beside:
            _print_films(broker.port, FILMS_BEHIND)
        threading.Event().wait(ASKED_S)
        found = Found(case.words, most_s=case.most_s)
        found.said, found.said_printer = _said("jobs", config), _said("printers", config)
        began = time.monotonic()
        dying.lose_power()
        doomed.kill()
        if case.back:
            dying.switch_on()
        if case.beside:
            _print_films(broker.port, FILMS_BEHIND)
        _watch(found, jobs, printers, began, gone=not case.back)
        return found


def _watch(found: Found, jobs: Jobs, printers: Printers, began: float, *, gone: bool) -> None:
    """Until all is settled."""
    health: Health | None = None
    out = held = False
    while (now := time.monotonic() - began) < MOST_S:
        first, *behind = jobs.queries.list()
        if not out and all(job.state is State.SENT for job in behind):
            out, found.films_out_s = True, now
        if not held and first.state is State.HELD:
            held, found.uncertain_s, found.reason = True, now, first.reason
        seen = printers.get("oki-1").health
        if seen is not health:
            health = seen
            found.health.append(f"{health} at {now:.0f} s")
        if out and held and (not gone or health is Health.DOWN):
            return
        threading.Event().wait(LOOK_S)


@contextmanager
def _printer(name: str, tray: Path, seconds: float) -> Iterator[subprocess.Popen[str]]:
    """A process that is a printer, once it listens on every address."""
    said = ["--host", "0.0.0.0", "--port", str(PORT), "--tray", str(tray)]
    with subprocess.Popen(
        [*BROKER, "emulate", "--name", name, "--seconds", str(seconds), *said],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        try:
            assert process.stdout is not None
            if "listens" not in process.stdout.readline():
                raise RuntimeError(f"{name} does not listen")
            yield process
        finally:
            process.kill()


def _configured(folder: Path, machines: dict[str, Machine]) -> Path:
    """A site with the defaults."""
    text = '[broker]\nhost = "127.0.0.1"\nport = 0\n'
    for name, each in machines.items():
        title = name.replace("-", "").upper()
        text += f'[[printers]]\nname = "{name}"\nae_title = "{title}"\n'
        text += f'host = "{each.address}"\nport = {PORT}\n'
    (folder / "broker.toml").write_text(text)
    return folder / "broker.toml"


def _drain(process: subprocess.Popen[str]) -> None:
    assert process.stderr is not None
    for _ in process.stderr:
        continue


def _print_films(port: int, number: int) -> None:
    """Each in a film session of its own, as different modalities' films are."""
    for _ in range(number):
        modality = Speaker(port)
        if status := modality.print_film():
            raise RuntimeError(f"the broker answered 0x{status:04X}")
        modality.release()


def _said(table: str, config: Path) -> str:
    """The lines below the row of job 1, or of oki-1, as one."""
    lines = iter(command(table, config=config).stdout.splitlines())
    for line in lines:
        if line.split()[:1] in (["1"], ["oki-1"]):
            break
    below = itertools.takewhile(lambda line: line.startswith(" " * 4), lines)
    return " ".join(line.strip() for line in below)


def _until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + MOST_S
    while not what():
        if time.monotonic() > end:
            raise RuntimeError("the film was never asked for")
        threading.Event().wait(LOOK_S)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and show; the exit code is 1 when films waited for too long, or nothing was said."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.half_open",
        description=(
            f"A printer has been asked for a film for {ASKED_S:g} s and loses its power: no FIN, "
            f"no reset. {FILMS_BEHIND} films are behind it. Needs root, and iproute2."
        ),
        epilog="Example: python -m tests.bench.half_open --case alone",
    )
    parser.add_argument("--case", choices=sorted(CASES), help="this one only")
    parser.add_argument("--json", action="store_true", help="figures for machines")
    chosen = parser.parse_args(arguments)
    if words := missing():
        sys.stderr.write(f"{words}\n")
        return 2
    names = [chosen.case] if chosen.case else list(CASES)
    with Rounds(len(names)) as rounds:
        found = measure(names, rounds.done)
    if chosen.json:
        rows = [asdict(each) | {"good": each.good} for each in found]
        sys.stdout.write(as_json({"machine": machine(), "cases": rows}) + "\n")
    else:
        _show(found)
    return 0 if all(each.good for each in found) else 1


def _show(found: Sequence[Found]) -> None:
    columns = (
        Column("PRINTER"),
        Column("FILMS OUT", right=True),
        Column("AT MOST", right=True),
        Column("UNCERTAIN", right=True),
        Column("HEALTH"),
    )
    rows = [
        Row(
            (
                each.case,
                f"{each.films_out_s:.1f} s",
                f"{each.most_s:g} s",
                f"{each.uncertain_s:.1f} s",
                ", ".join(each.health),
            ),
            (f"jobs: {each.said}", f"printers: {each.said_printer}", f"then: {each.reason}"),
        )
        for each in found
    ]
    console = terminal()
    lines = (
        machine(),
        f"Seconds from the loss of power until the {FILMS_BEHIND} films behind it are accepted,",
        "and until the film in hand is uncertain. Below: what the tables said just before the",
        "loss, and in the end.",
        "",
    )
    show([*map(Text, lines), *lay_out(columns, rows, console.width)], console)


if __name__ == "__main__":
    raise SystemExit(main())
