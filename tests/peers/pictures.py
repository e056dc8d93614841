"""Synthetic images for a modality to print, as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid


def pictures(folder: Path, number: int, *, rows: int = 120, columns: int = 96) -> list[Path]:
    """`number` different 12-bit images, noise over a ramp: nothing compresses or repeats."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_picture(folder / f"{each}.dcm", each, rows, columns) for each in range(number)]


def _picture(path: Path, seed: int, rows: int, columns: int) -> Path:
    noise = np.random.default_rng(seed).integers(0, 512, (rows, columns))
    ramp = np.linspace(0, 3583, columns)[np.newaxis, :].astype(int)
    image = Dataset()
    image.SOPClassUID = SecondaryCaptureImageStorage
    image.SOPInstanceUID = generate_uid()
    image.StudyInstanceUID = generate_uid()
    image.SeriesInstanceUID = generate_uid()
    image.PatientName = "Phantom^Test"
    image.PatientID = "0"
    image.Modality = "OT"
    image.SamplesPerPixel = 1
    image.PhotometricInterpretation = "MONOCHROME2"
    image.Rows, image.Columns = rows, columns
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 12, 11
    image.PixelRepresentation = 0
    image.WindowCenter, image.WindowWidth = "2048", "4096"
    image.PixelData = (noise + ramp).astype("<u2").tobytes()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    image.save_as(path, enforce_file_format=True)
    return path
