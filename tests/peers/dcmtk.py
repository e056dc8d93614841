"""DCMTK's print SCP as a printer."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE_S = 20.0

_CONFIG = r"""
[[GENERAL]]
[APPLICATION]
LogDirectory = {folder}/log
[PRINT]
Directory = {folder}/spool
[DATABASE]
Directory = {folder}/database
[LUT]
Directory = {folder}/lut
[[COMMUNICATION]]
[IHEFULL]
Aetitle = IHEFULL
Hostname = localhost
Port = {port}
Type = LOCALPRINTER
BorderDensity = 150\20\BLACK\WHITE
DisableNewVRs = false
DisplayFormat = 1,1\1,2\2,2\2,3\3,3\3,4\3,5\4,4\4,5
EmptyImageDensity = 20\BLACK\WHITE
FilmDestination = MAGAZINE\PROCESSOR\BIN_1\BIN_2
FilmSizeID = 8INX10IN\10INX12IN\10INX14IN\11INX14IN\14INX14IN\14INX17IN\24CMX24CM\24CMX30CM
ImplicitOnly = false
MagnificationType = REPLICATE\BILINEAR\CUBIC\NONE
MaxDensity = 320
MaxPDU = 32768
MediumType = PAPER\CLEAR FILM\BLUE FILM
MinDensity = 20
OmitSOPClassUIDFromCreateResponse = false
PresentationLUTMatchRequired = false
PresentationLUTinFilmSession = false
ResolutionID = STANDARD\HIGH
SmoothingType = NONE
Supports12Bit = true
SupportsDecimateCrop = true
SupportsImageSize = true
SupportsPresentationLUT = true
SupportsTrim = true
"""


@contextmanager
def dcmprscp(folder: Path) -> Iterator[int]:
    """A running dcmprscp of the IHEFULL profile; yields its port.

    It keeps what it prints in `folder`/database: a stored print (SP_*) for each film, and a
    hardcopy image (HG_*) for each picture.
    """
    for name in ("log", "spool", "database", "lut"):
        (folder / name).mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = folder / "dcmpstat.cfg"
    config.write_text(_CONFIG.format(folder=folder, port=port))
    with subprocess.Popen(
        ["dcmprscp", "--quiet", "--config", str(config), "--printer", "IHEFULL"],
        env={**os.environ, "TCP_NODELAY": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            _listens(port, process)
            yield port
        finally:
            process.kill()


def _listens(port: int, process: subprocess.Popen[bytes]) -> None:
    """It says nothing when it is ready, so it is asked until it answers."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            continue
        return
    raise AssertionError("dcmprscp does not listen")
