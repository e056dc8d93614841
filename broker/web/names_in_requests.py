"""What names a job, a film or a printer in an address. A number that is too large names none."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path

JobNumber = Annotated[int, Path(description="the job's number", examples=[42])]
FilmNumber = Annotated[int, Path(description="the film's number in its job", examples=[1])]
PrinterName = Annotated[str, Path(description="the printer's name", examples=["oki-1"])]
