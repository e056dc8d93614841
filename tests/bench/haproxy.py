"""HAProxy in the broker's place, as hospitals put it in front of their printers."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from broker.model.printers.trouble import Trouble
from tests.bench.figures import Listed
from tests.bench.front import FALL, PATIENCE_S, RISE
from tests.bench.printers import HOST, PoweredPrinter
from tests.peers.dcmtk import PATH
from tests.peers.speaker import Speaker

PACKAGES = {"haproxy": "haproxy", "echoscu": "dcmtk"}
"""Program -> Debian package."""

# Retries, redispatch and the weights are what HAProxy and the appliances built on it start with.
# Times without traffic are long, because a printer may take minutes to answer N-ACTION.
_CONFIGURATION = """\
global
    external-check
    insecure-fork-wanted
defaults
    mode tcp
    retries 3
    option redispatch
    timeout connect 5s
    timeout client 10m
    timeout server 10m
listen printers
    bind fd@{door}
    balance leastconn
    option external-check
    external-check path "{path}"
    external-check command {check}
    default-server check inter {interval_ms}ms fall {fall} rise {rise}
"""
_SERVER = "    server {name} {host}:{port}\n"
# HAProxy passes its own address and port, then the server's.
_CHECK = """\
#!/bin/sh
exec echoscu -to 2 -ta 2 -aet HAPROXY -aec {ae_title} "$3" "$4"
"""


def missing() -> list[str]:
    """What is not installed and would be needed, each with its Debian package."""
    return [
        f"{program} (apt-get install {package})"
        for program, package in PACKAGES.items()
        if _program(program) is None
    ]


def version() -> str:
    """HAProxy's version number."""
    done = subprocess.run(
        [str(_program("haproxy")), "-v"], capture_output=True, text=True, check=True
    )
    return done.stdout.split()[2]


class HaproxyFront:
    """HAProxy in TCP mode: least connections, and C-ECHO by DCMTK's echoscu as external check."""

    def __init__(self, folder: Path, printers: Sequence[PoweredPrinter], interval_s: float) -> None:
        self.ae_title = printers[0].ae_title
        check = folder / "c-echo"
        check.write_text(_CHECK.format(ae_title=self.ae_title))
        check.chmod(0o700)
        echoscu = _program("echoscu")
        self._configuration = folder / "haproxy.cfg"
        self._log = folder / "haproxy.log"
        self._door = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._door.getsockname()[1])
        self._configuration.write_text(
            _CONFIGURATION.format(
                door=self._door.fileno(),
                path=f"{Path(echoscu).parent if echoscu else '/usr/bin'}:/usr/bin:/bin",
                check=check,
                interval_ms=round(interval_s * 1000),
                fall=FALL,
                rise=RISE,
            )
            + "".join(
                _SERVER.format(name=each.name, host=HOST, port=each.port) for each in printers
            )
        )

    def __enter__(self) -> Self:
        with self._door, self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [str(_program("haproxy")), "-db", "-f", str(self._configuration)],
                pass_fds=[self._door.fileno()],
                stdout=log,
                stderr=log,
            )
        try:
            # The way through it is open once a printer has answered; until then the door waits.
            Speaker(self.port, called_ae=self.ae_title, calling_ae="FIRST").release()
        except Trouble as trouble:
            self.__exit__()
            words = self._log.read_text(errors="replace")
            raise RuntimeError(f"HAProxy does not serve: {trouble.words}\n{words}") from trouble
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(PATIENCE_S)
        finally:
            self._process.kill()
            self._process.wait()

    def settle(self, accepted: int) -> None:
        """Nothing to wait for: it keeps no film."""

    def jobs(self) -> list[Listed]:
        """None: it knows of no films."""
        return []


def _program(name: str) -> str | None:
    # Debian keeps haproxy where only root looks.
    return shutil.which(name, path=PATH)
