"""DCMTK's print SCP as a printer, in profiles that differ on purpose."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.peers.heard import Heard, heard

PATIENCE_S = 20.0
PATH = os.pathsep.join(["/usr/sbin", "/usr/bin", os.environ.get("PATH", "")])
"""Where the system keeps its programs comes first: pynetdicom brings some of the same names."""
_DUMP = "log/dump.txt"


def program(name: str) -> str:
    """The file of a program of DCMTK's; its bare name where there is none."""
    return shutil.which(name, path=PATH) or name


FOLDERS = """[PRINT]
Directory = {folder}/spool
[DATABASE]
Directory = {folder}/database
[LUT]
Directory = {folder}/lut
"""
"""Where DCMTK keeps print jobs, images and tables: in every configuration of it."""
CONFIG = (
    r"""
[[GENERAL]]
[APPLICATION]
LogDirectory = {folder}/log
"""
    + FOLDERS
    + r"""[[COMMUNICATION]]
[{profile}]
Aetitle = {ae_title}
Hostname = localhost
Port = {port}
Type = LOCALPRINTER
Supports12Bit = true
SupportsPresentationLUT = true
"""
)

PROFILES = {
    # Everything; both transfer syntaxes; any LUT with any depth.
    "IHEFULL": r"""
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
SupportsDecimateCrop = true
SupportsImageSize = true
SupportsTrim = true
""",
    # The least that a print server may do: one image, Implicit VR, small PDUs, no UIDs in replies.
    "IHERESTRICTED": r"""
DisableNewVRs = true
DisplayFormat = 1,1
FilmDestination = STOREDPRINT
FilmSizeID = 8INX10IN\11INX14IN\14INX17IN
ImplicitOnly = true
MagnificationType = REPLICATE\BILINEAR\CUBIC\NONE
MaxDensity = 320
MaxPDU = 16384
MediumType = STOREDPRINT
OmitSOPClassUIDFromCreateResponse = true
PresentationLUTMatchRequired = true
PresentationLUTinFilmSession = false
""",
    # Wants its Presentation LUT in the film session.
    "AGFA": r"""
DisableNewVRs = true
PresentationLUTinFilmSession = true
PresentationLUTMatchRequired = true
SupportsImageSize = true
SupportsDecimateCrop = false
SupportsTrim = true
DisplayFormat = 1,1\2,1\1,2\2,2\3,2\2,3\3,3\4,3\5,3\3,4\4,4\5,4\6,4\3,5\4,5\5,5\6,5\4,6\5,6
FilmSizeID = 8INX10IN\11INX14IN\14INX14IN\14INX17IN
FilmDestination = MAGAZINE\PROCESSOR
MediumType = PAPER\CLEAR FILM\BLUE FILM
MagnificationType = REPLICATE\BILINEAR\CUBIC
SmoothingType = 0\140
BorderDensity = BLACK\WHITE\150
EmptyImageDensity = BLACK\WHITE\150
MaxDensity = 320
MinDensity = 20
Configuration_1 = PERCEPTION_LUT=LINEAR
""",
    # Default PDUs, many smoothing types, LUTs of the image's depth only.
    "KODAK": r"""
DisableNewVRs = true
PresentationLUTinFilmSession = false
PresentationLUTMatchRequired = true
SupportsImageSize = true
SupportsDecimateCrop = false
SupportsTrim = true
DisplayFormat = 1,1\1,2\2,2\2,3\3,3\3,4\3,5\4,4\4,5
FilmSizeID = 8INX10IN\11INX14IN\14INX17IN\CURRENT
FilmDestination = MAGAZINE
MediumType = CLEAR FILM\BLUE FILM\CURRENT
MagnificationType = REPLICATE\BILINEAR\CUBIC\NONE
SmoothingType = 0\1\2\3\4\5
BorderDensity = BLACK\WHITE
EmptyImageDensity = BLACK\WHITE
MaxDensity = 320
MinDensity = 20
Configuration_1 = CS000
Configuration_2 = CS001
""",
}


@contextmanager
def dcmprscp(folder: Path, profile: str = "IHEFULL", ae_title: str = "") -> Iterator[int]:
    """A running dcmprscp; yields its port. Its AE title is the profile, unless one is given.

    It keeps what it prints in `folder`/database: a stored print (SP_*) for each film, and a
    hardcopy image (HG_*) for each picture. What it hears and answers is in `folder`/log, for
    `heard_by`.
    """
    for name in ("log", "spool", "database", "lut"):
        (folder / name).mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = folder / "dcmpstat.cfg"
    text = CONFIG.format(folder=folder, port=port, profile=profile, ae_title=ae_title or profile)
    config.write_text(text + PROFILES[profile])
    with (
        (folder / _DUMP).open("wb") as dump,
        subprocess.Popen(
            ["dcmprscp", "--quiet", "--dump", "--config", str(config), "--printer", profile],
            env={**os.environ, "TCP_NODELAY": "1"},
            stdout=dump,
            stderr=dump,
        ) as process,
    ):
        try:
            _listens(port, process)
            yield port
        finally:
            process.kill()


def heard_by(folder: Path) -> list[Heard]:
    """All messages of a dcmprscp with that folder since it began, health checks included."""
    return heard((folder / _DUMP).read_text(errors="replace"))


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
