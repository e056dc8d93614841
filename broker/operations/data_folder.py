"""What is to be known of the data folder before films lie in it: its file system, and its owner."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from broker.store.mounts import mount_at

if TYPE_CHECKING:
    from broker.config.file import Config

MOST = 20_000
"""Files that are looked at; a spool may have more."""
NAMED = 3
"""Files that are named in one sentence."""


def remarks(settings: Config) -> list[str]:
    """A sentence for each thing that is not as the broker needs it. Raises: OSError."""
    folders = {"broker.data_dir": settings.data_dir}
    if settings.database_file.parent != settings.data_dir:
        folders["database.url"] = settings.database_file.parent
    said = []
    for key, folder in folders.items():
        if words := file_system(folder):
            said.append(f"{key}: {folder} {words}")
    if words := foreign(settings.data_dir):
        said.append(f"broker.data_dir: {words}")
    return said


def file_system(folder: Path) -> str:
    """What the folder's file system does not give, empty where it is a local disk. Of a folder that
    is not there yet, its nearest parent counts.
    """
    mount = mount_at(folder)
    return "" if mount is None else mount.words


def foreign(folder: Path) -> str:
    """What is said of files that do not belong to the folder's owner, who cannot write them then;
    empty where there are none. Raises: OSError.
    """
    try:
        owner = folder.stat().st_uid
    except FileNotFoundError:
        return ""
    found = [
        each.path for each in islice(_entries(folder, 3), MOST) if _owner(each) not in (owner, None)
    ]
    if not found:
        return ""
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return (
        f"{', '.join(found[:NAMED])}{more}: not the property of the folder's owner (uid {owner}), "
        f"who cannot use them; `sudo chown -R {owner} {folder}`"
    )


def _owner(entry: os.DirEntry[str]) -> int | None:
    """The number of the user; None where the file has been removed meanwhile."""
    try:
        return entry.stat(follow_symlinks=False).st_uid
    except FileNotFoundError:
        return None


def _entries(folder: Path | str, depth: int) -> Iterator[os.DirEntry[str]]:
    """What lies in the folder, and in folders in it; those that cannot be read are passed over, as
    they themselves are told.
    """
    try:
        with os.scandir(folder) as entries:
            found = list(entries)
    except (PermissionError, FileNotFoundError):
        return
    for each in found:
        yield each
        if depth > 1 and each.is_dir(follow_symlinks=False):
            yield from _entries(each.path, depth - 1)
