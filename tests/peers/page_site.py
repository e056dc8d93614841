"""A broker and its page under attack: what the attack costs the page, the probes and the films."""

from __future__ import annotations

import http.client
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from broker.emulator.printer import EmulatedPrinter
from tests.bench.film_times import picture, print_film
from tests.bench.servers import Server
from tests.peers.broker_process import BROKER, BrokerProcess
from tests.peers.processes import children

CHECKOUT = Path(__file__).parents[2]
DESCRIPTORS = 1024
PAUSE_S = 0.05
LONGEST_S = 60.0
"""A probe that has no answer by then is counted as if it had come then."""
CONFIGURATION = """
[broker]
host = "127.0.0.1"
port = 0
[limits]
waiting_jobs = 100000
[retention]
floor_mb = 64
[web]
port = 0
[[printers]]
name = "oki-1"
ae_title = "OKI1"
host = "127.0.0.1"
port = {port}
"""


@dataclass
class Toll:
    """What there was while an attack went on."""

    films_s: list[float] = field(default_factory=list)
    quiet_films_s: list[float] = field(default_factory=list)
    """The same films before it and after it."""
    healthz_s: list[float] = field(default_factory=list)
    readyz_s: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """Answers of probes that were not 200: films were taken all the while."""
    memory: int = 0
    """Bytes that the page's process held at most."""
    cpu: float = 0.0
    """Of a core, by the page's process."""
    lines_a_minute: float = 0.0
    """Of the log of the page's process."""
    back_s: float = 0.0
    """From the end of the attack to a page that was answered."""
    written: int = 0
    """Bytes that the page's process has written to disks or tried to (write_bytes)."""

    @property
    def ratio(self) -> float:
        """How much longer films took, by their medians."""
        return statistics.median(self.films_s) / statistics.median(self.quiet_films_s)


def few_descriptors() -> None:
    """Let this process have as many file descriptors as most systems give without a word."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, most))


class PageSite:
    """One broker, one printer, one page, without users."""

    def __init__(self, folder: Path, printer: EmulatedPrinter) -> None:
        self.config = folder / "broker.toml"
        self.config.write_text(CONFIGURATION.format(port=printer.port))
        self.process = BrokerProcess(self.config, web=True, preexec=few_descriptors)
        self.port = int(self.process.wait_for("page served")["port"])
        self.process.wait_for("printer changed", printer="oki-1", health="up")
        self.page = Server(0, "", children(self.process.process.pid)[0])
        self.server = Server(self.process.port, "BROKER", self.process.process.pid)
        self.lines: list[str] = []
        self._reading = threading.Thread(target=self._read)
        self._reading.start()
        self._films = 0

    def end(self) -> None:
        """Stop the broker."""
        if self.process.process.poll() is None:
            self.process.send(signal.SIGTERM)
        self.process.process.wait(30)
        self._reading.join()
        assert self.process.process.stderr is not None
        self.process.process.stderr.close()

    def add_user(self) -> None:
        """An operator, otto: from now on everybody signs in."""
        subprocess.run(
            [*BROKER, "user", "add", "otto", "--role", "operator", "--password-stdin"],
            input="correct horse\n",
            env={**os.environ, "BROKER_CONFIG": str(self.config)},
            text=True,
            check=True,
            capture_output=True,
        )

    def asked(self, path: str, timeout: float = LONGEST_S) -> tuple[int, bytes, float]:
        """Status, body and seconds of a GET on a connection of its own.

        Raises: OSError, http.client.HTTPException: there was no answer.
        """
        began = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read(), time.monotonic() - began
        finally:
            connection.close()

    def suffer(self, attack: str, seconds: float, films: int) -> Toll:
        """Let a process attack the page, and look at everything else meanwhile. Of quiet films
        there are `films` before it and as many after it.
        """
        toll = Toll()
        self.until_page_answers()
        toll.quiet_films_s += [self._film() for _ in range(films)]
        self.page.forget_peak()
        cpu, lines, began = self.page.cpu_s(), self._page_lines(), time.monotonic()
        written = self.page.written()
        with self._attacked(attack, seconds) as attacker, self._probed(toll):
            while attacker.poll() is None:
                toll.films_s.append(self._film())
        ended = time.monotonic()
        self.until_page_answers()
        toll.back_s = time.monotonic() - ended
        toll.cpu = (self.page.cpu_s() - cpu) / (ended - began)
        toll.lines_a_minute = (self._page_lines() - lines) / (ended - began) * 60
        toll.memory = self.page.memory("VmHWM")
        toll.written = self.page.written() - written
        toll.quiet_films_s += [self._film() for _ in range(films)]
        return toll

    def until_page_answers(self) -> None:
        """Return once a page is answered."""
        end = time.monotonic() + LONGEST_S
        while time.monotonic() < end:
            with suppress(OSError, http.client.HTTPException):
                if self.asked("/sign-in", 2.0)[0] in (200, 303):
                    return
        raise TimeoutError("the page does not answer any more")

    @contextmanager
    def _attacked(self, attack: str, seconds: float) -> Iterator[subprocess.Popen[str]]:
        arguments = [attack, str(self.port), str(seconds)]
        with subprocess.Popen(
            # It has less of the processor than the others: it would be another machine.
            ["nice", "-n", "19", sys.executable, "-m", "tests.peers.page_attacker", *arguments],
            stdout=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            try:
                yield process
            finally:
                process.kill()

    @contextmanager
    def _probed(self, toll: Toll) -> Iterator[None]:
        over = threading.Event()

        def probe(path: str, times: list[float]) -> None:
            while not over.wait(0.2):
                began = time.monotonic()
                try:
                    status, body, taken = self.asked(path, 10.0)
                except (OSError, http.client.HTTPException) as error:
                    toll.wrong.append(f"{path}: {error!r}")
                    taken = time.monotonic() - began
                else:
                    if status != 200:
                        toll.wrong.append(f"{path}: {status} {body.decode()}")
                times.append(taken)

        threads = [
            threading.Thread(target=probe, args=("/healthz", toll.healthz_s)),
            threading.Thread(target=probe, args=("/readyz", toll.readyz_s)),
        ]
        for each in threads:
            each.start()
        try:
            yield
        finally:
            over.set()
            for each in threads:
                each.join()

    def _film(self) -> float:
        """Seconds of one film, after a pause: a modality does other things, too."""
        self._films += 1
        time.sleep(PAUSE_S)  # part of the load itself, not a wait for something
        return print_film(self.server, *picture(256, self._films)).whole

    def _page_lines(self) -> int:
        """Lines of the log that are not the relay's."""
        return sum('"logger": "broker' not in line for line in list(self.lines))

    def _read(self) -> None:
        assert self.process.process.stderr is not None
        for line in self.process.process.stderr:
            self.lines.append(line)

    def told(self, event: str) -> list[dict[str, object]]:
        """Lines of the log of that event."""
        found = [json.loads(line) for line in list(self.lines)]
        return [each for each in found if each.get("event") == event]


@contextmanager
def page_site(folder: Path) -> Iterator[PageSite]:
    """Open it; closed at the end."""
    with ExitStack() as stack:
        printer = stack.enter_context(
            EmulatedPrinter("oki-1", "OKI1", folder / "oki-1", seconds_per_film=0.0)
        )
        site = PageSite(folder, printer)
        stack.callback(site.end)
        yield site
