"""DCMTK's dcmpsprt and dcmprscu as a modality: compose a film from images, then print it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from broker.dicom.uids import PRESENTATION_LUT
from tests.peers.dcmtk import FOLDERS
from tests.peers.heard import Heard, heard

_CONFIG = (
    r"""
[[GENERAL]]
"""
    + FOLDERS
    + r"""[NETWORK]
aetitle = DCMTK
[[COMMUNICATION]]
[TARGET]
Aetitle = {ae_title}
Hostname = 127.0.0.1
Port = {port}
Type = PRINTER
BorderDensity = BLACK\WHITE
DisableNewVRs = {implicit}
DisplayFormat = 1,1\1,2\2,2\2,3\3,3
EmptyImageDensity = BLACK\WHITE
FilmDestination = MAGAZINE
FilmSizeID = 8INX10IN\11INX14IN\14INX17IN
ImplicitOnly = {implicit}
MagnificationType = REPLICATE\BILINEAR\CUBIC\NONE
MaxPDU = 32768
MediumType = PAPER
OmitSOPClassUIDFromCreateResponse = false
ResolutionID = STANDARD\HIGH
PresentationLUTMatchRequired = {match}
PresentationLUTPreferSCPRendering = true
PresentationLUTinFilmSession = {in_session}
Supports12Bit = {deep}
SupportsDecimateCrop = true
SupportsImageSize = true
SupportsPresentationLUT = {lut}
SupportsTrim = true
[[LUT]]
[LIGHTEN]
Description = lighter
Filename = light.lut
"""
)


class DcmtkModality:
    """One console, with a folder of its own."""

    def __init__(self, folder: Path, *, implicit: bool = False, bits: int = 12) -> None:
        self.folder = folder
        for name in ("spool", "database", "lut"):
            (folder / name).mkdir(parents=True)
        write_lut(folder / "lut" / "light.lut", bits)
        self.implicit = implicit
        self._bits = bits

    def compose(self, images: list[Path], *options: str, lut: bool = False) -> Path:
        """A stored print of these images, by dcmpsprt."""
        self._run("dcmpsprt", *options, *map(str, images), lut=lut)
        (stored,) = (self.folder / "database").glob("SP_*.dcm")
        return stored

    def print(
        self,
        stored: list[Path],
        port: int,
        ae_title: str,
        *options: str,
        lut: bool = False,
        lut_in_session: bool = False,
    ) -> list[Heard]:
        """Print stored prints, by dcmprscu, each in a film session of its own.

        Returns what it said and heard; AssertionError with its words when it fails.
        """
        words = self._run(
            "dcmprscu",
            "--dump",
            *options,
            *map(str, stored),
            port=port,
            ae_title=ae_title,
            lut=lut,
            lut_in_session=lut_in_session,
        )
        return heard(words)

    def _run(
        self,
        program: str,
        *arguments: str,
        port: int = 104,
        ae_title: str = "UNNAMED",
        lut: bool = False,
        lut_in_session: bool = False,
    ) -> str:
        """Its words; AssertionError when it had trouble.

        Its exit code is 0 even when the printer refused everything, or options were ignored.
        """
        config = self.folder / "dcmpstat.cfg"
        config.write_text(
            _CONFIG.format(
                folder=self.folder,
                port=port,
                ae_title=ae_title,
                implicit=_word(self.implicit),
                lut=_word(lut),
                in_session=_word(lut_in_session),
                match="false",
                deep=_word(self._bits == 12),
            )
        )
        done = subprocess.run(
            [program, "--config", str(config), "--printer", "TARGET", *arguments],
            cwd=self.folder,
            env={**os.environ, "TCP_NODELAY": "1"},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        troubles = [
            line
            for line in done.stderr.splitlines()
            if line.startswith(("E:", "F:")) or line.endswith(", ignoring.")
        ]
        assert not troubles, troubles
        return done.stderr


def write_lut(path: Path, bits: int) -> None:
    """A Presentation LUT table of the image's depth that makes everything lighter."""
    entries = 2**bits
    table = (np.linspace(0, 1, entries) ** 0.7 * (2**bits - 1)).round().astype("<u2")
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [entries, 0, max(bits, 10)])
    item.add_new("LUTData", "OW", table.tobytes())
    lut = Dataset()
    lut.SOPClassUID = PRESENTATION_LUT
    lut.SOPInstanceUID = generate_uid()
    lut.PresentationLUTSequence = [item]
    lut.file_meta = FileMetaDataset()
    lut.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    lut.file_meta.MediaStorageSOPClassUID = lut.SOPClassUID
    lut.file_meta.MediaStorageSOPInstanceUID = lut.SOPInstanceUID
    lut.save_as(path, enforce_file_format=True)


def _word(value: bool) -> str:
    return "true" if value else "false"
