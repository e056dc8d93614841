"""The other modality: prints films all the while, in a process of its own, and says how long each
took. Run by `Witness`; ends when its standard input does.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from statistics import median

from broker.dicom import statuses
from broker.dicom.upper_layer.connection import Rejected
from tests.peers.speaker import Speaker

PAUSE_S = 0.03
"""Between two films."""
AGAIN_S = 0.02
"""Before calling again, when it was turned away for now."""
PATIENCE_S = 30.0


@dataclass(frozen=True)
class Printed:
    """A film, in seconds of `time.monotonic()`, from the first call to its 0x0000."""

    began: float
    ended: float

    @property
    def took(self) -> float:
        """How long, in seconds."""
        return self.ended - self.began


class Witness:
    """That process, as a test sees it; it prints from 127.0.0.1, one film to an association."""

    def __init__(self, port: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.peers.hostile_witness", str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._changed = threading.Condition()
        self._films: list[Printed] = []
        self._over = False
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def wait_for(self, films: int, since: float = 0.0) -> list[Printed]:
        """All films that were printed or begun after `since`, once `films` were begun after it."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: self._over or sum(each.began > since for each in self._films) >= films,
                PATIENCE_S,
            ), "the other modality prints no more"
            assert not self._over, "the other modality was refused a film"
            return [each for each in self._films if each.ended > since]

    def median(self) -> float:
        """Of how long films took so far, in seconds."""
        with self._changed:
            return median(each.took for each in self._films)

    def close(self) -> None:
        """Let it end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._reader.join()
        self._process.wait(PATIENCE_S)

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout:
            for line in self._process.stdout:
                began, ended = line.split()
                with self._changed:
                    self._films.append(Printed(float(began), float(ended)))
                    self._changed.notify_all()
        with self._changed:
            self._over = True
            self._changed.notify_all()


def _film(port: int, stop: threading.Event) -> bool:
    """One film, whatever it takes; False when it is stopped before it is let in."""
    while True:
        try:
            modality = Speaker(port, calling_ae="WITNESS")
        except Rejected as exc:
            if not exc.transient:
                raise
            if stop.wait(AGAIN_S):
                return False
            continue
        status = modality.print_film()
        modality.release()
        if status != statuses.SUCCESS:
            raise SystemExit(f"0x{status:04X}")
        return True


def _wait_for_end(stop: threading.Event) -> None:
    """Of standard input. It is not read through `sys.stdin`, whose lock may not be held at exit."""
    while os.read(0, 1024):
        pass
    stop.set()


def _main() -> None:
    port = int(sys.argv[1])
    stop = threading.Event()
    threading.Thread(target=_wait_for_end, args=(stop,), daemon=True).start()
    while not stop.wait(PAUSE_S):
        began = time.monotonic()
        if _film(port, stop):
            sys.stdout.write(f"{began} {time.monotonic()}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    _main()
