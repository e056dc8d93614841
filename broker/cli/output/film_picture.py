"""`broker jobs show ID --preview FILE`: a picture of a film, as its owner's own file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from broker.cli.owner import account
from broker.model.jobs.job import Job, Sending
from broker.model.printers.trouble import PRINT_AGAIN, SpoolDamaged
from broker.operations.opened import Store
from broker.operations.words.failures import Failure
from broker.preview.paper import SAMPLES, compose

DPI = 100
"""Pixels for an inch of paper: 1400 x 1700 of 14 x 17 inches."""


def require_writable_name(path: Path) -> None:
    """Make sure that a picture can have this name.

    Raises: Failure: when it cannot, with the remedy.
    """
    if path.suffix.lower() != ".png":
        raise Failure(f"{path}: pictures are PNG files; give it a name that ends in .png")
    if path.is_dir():
        raise Failure(f"{path}: is a folder; name the file in it")
    if not path.parent.is_dir():
        raise Failure(f"{path.parent}: there is no such folder; make it, or name another")


def write(store: Store, job: Job, films: Sequence[Sending], number: int, path: Path) -> None:
    """Write film `number` of the job, from 1.

    Only its owner may read the file, as it may name the patient. An older one is replaced when the
    new one is whole.

    Raises: Failure: when there is no such film, its pixels are missing, or the folder is not ours.
    """
    found = next((each for each in films if each.number == number), None)
    if found is None:
        raise Failure(f"job {job.id} has no film {number}: its films are 1 to {job.films}")
    if job.pixels_removed_at is not None:
        raise Failure(f"job {job.id}: its pixels have been removed since; {PRINT_AGAIN}")
    try:
        picture = compose(found.film, store.spool().read, DPI, samples=SAMPLES)
    except SpoolDamaged as error:
        raise Failure(f"film {number} of job {job.id}: {error}; {PRINT_AGAIN}") from error
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise Failure(
            f"{path.parent}: {account().words} cannot write there, and commands act as the owner "
            "of the data folder; name a folder that all may write, such as /tmp"
        )
    partial = path.with_name(f".{path.name}.part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            picture.save(file, format="PNG", dpi=(DPI, DPI))
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
