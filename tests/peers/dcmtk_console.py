"""DCMTK's dcmpsprt and dcmprscu as a console that believes its printer takes certain keys."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.peers.asking import Told
from tests.peers.dcmtk import FOLDERS, program
from tests.peers.dcmtk_modality import write_lut
from tests.peers.heard import heard
from tests.peers.printer_profiles import Keys

TABLE = "LIGHTEN"
"""The Presentation LUT table that it has."""
_GENERAL = (
    """
[[GENERAL]]
"""
    + FOLDERS
    + """[NETWORK]
aetitle = DCMTK
[[LUT]]
[LIGHTEN]
Description = lighter
Filename = light.lut
[[COMMUNICATION]]
[PRINTER]
Aetitle = {ae_title}
Hostname = 127.0.0.1
Port = {port}
Type = PRINTER
"""
)
_STATUS = re.compile(r"^D: DIMSE Status +: 0x([0-9a-f]{4})", re.MULTILINE)
_FAILED = re.compile(r"^E: (.*)$", re.MULTILINE)
_STEPS = {
    "BasicFilmSessionSOPClass": "film session",
    "BasicFilmBoxSOPClass": "film box",
    "BasicGrayscaleImageBoxSOPClass": "image box",
    "PresentationLUTSOPClass": "Presentation LUT",
}


@dataclass(frozen=True)
class DcmtkConsole:
    """One console, with an empty folder for what it composes."""

    folder: Path
    keys: Keys
    """What it believes of its printer: it leaves out what that does not take."""

    def print(
        self,
        images: Sequence[Path],
        composed: Sequence[str],
        wishes: Sequence[str],
        port: int,
        ae_title: str,
    ) -> Told:
        """Compose a film of these images and print it; options of dcmpsprt, and of dcmprscu."""
        for name in ("spool", "database", "lut"):
            (self.folder / name).mkdir(parents=True)
        bits = 12 if self.keys.get("Supports12Bit") == "true" else 8
        write_lut(self.folder / "lut" / "light.lut", bits)
        general = _GENERAL.format(folder=self.folder, port=port, ae_title=ae_title)
        keys = "".join(f"{key} = {value}\n" for key, value in self.keys.items())
        (self.folder / "dcmpstat.cfg").write_text(general + keys)
        self._run("dcmpsprt", *composed, *map(str, images))
        (stored,) = (self.folder / "database").glob("SP_*.dcm")
        return _told(self._run("dcmprscu", "--dump", *wishes, str(stored)))

    def _run(self, name: str, *arguments: str) -> str:
        """Its words."""
        config = str(self.folder / "dcmpstat.cfg")
        done = subprocess.run(
            [program(name), "--config", config, "--printer", "PRINTER", *arguments],
            cwd=self.folder,
            env={**os.environ, "TCP_NODELAY": "1"},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{name} ended with {done.returncode}: {done.stderr}")
        return done.stderr


def _told(words: str) -> Told:
    """The step that failed, by what dcmprscu says, whose exit code is 0 whatever happens."""
    failed = _FAILED.search(words)
    if failed is None:
        return Told()
    requests = [each for each in heard(words) if each.kind.endswith(" RQ")]
    statuses = _STATUS.findall(words)
    asked = requests[-1] if requests else None
    if asked is None or not statuses or int(statuses[-1], 16) == 0:
        return Told(failed[1])
    step = "N-ACTION" if asked.kind == "N-ACTION RQ" else _STEPS.get(asked.sop_class, asked.kind)
    return Told(step, int(statuses[-1], 16))
