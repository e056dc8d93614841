"""What a backup folder says of itself: `manifest.json`, which is replaced last.

manifest.json             the backup: which database file, of which broker, of when
database-<moment>.db      the rows
spool/<first two hex>/<name>  the pixels that these rows refer to
backup.lock               held while a backup is written
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from broker.spool.folder_sync import sync_folder

NAME = "manifest.json"
LOCK = "backup.lock"
SPOOL = "spool"
KIND = "dicom-print-broker backup"
FORMAT = 1


class NotABackup(Exception):
    """The folder has no backup that this broker can read. `words` says what is there."""

    def __init__(self, words: str) -> None:
        self.words = words
        super().__init__(words)


@dataclass(frozen=True)
class Manifest:
    """One backup."""

    at: float
    """Its moment, in seconds since the epoch: every film accepted before it is in the backup."""
    moment: str
    """The same for people, UTC."""
    identity: str
    """Of the database; its spool has the same."""
    mark: int
    """How many changes the database had seen, as its own row says."""
    schema: str
    """Version of the tables."""
    broker: str
    """Version of the broker that wrote it."""
    database: str
    """Name of the database file in the folder."""
    database_bytes: int
    database_hash: str
    """BLAKE3 of the database file, in hex."""
    jobs: dict[str, int]
    """State -> number of jobs."""
    films: int
    files: int
    """Spool files in the backup."""
    bytes: int
    """Of these spool files."""
    missing: tuple[str, ...] = field(default=())
    """Spool files that rows refer to and that the spool did not have."""
    damaged: tuple[str, ...] = field(default=())
    """Spool files whose content was not what their name says."""

    def write(self, folder: Path) -> None:
        """Put it in place of the one before: from then on this is the folder's backup. OSError."""
        document = {"kind": KIND, "format": FORMAT, **asdict(self)}
        fresh = folder / f".{NAME}"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(folder / NAME)
        sync_folder(folder, where_possible=True)

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """The folder's backup.

        Raises:
            NotABackup: there is none, or it is not one that this version can read.
            OSError: it cannot be read.
        """
        file = folder / NAME
        try:
            document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            kind, version = document.pop("kind"), document.pop("format")
        except FileNotFoundError:
            there = "a backup that was broken off" if (folder / LOCK).exists() else "no backup"
            raise NotABackup(
                f"{folder}: there is {there}, as it has no {NAME}; name the folder that "
                "`broker backup DIR` wrote"
            ) from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise NotABackup(f"{file}: is not the {NAME} of a backup, or is damaged") from None
        if kind != KIND or version != FORMAT:
            raise NotABackup(
                f"{file}: is of format {version} of {kind!r}, and this broker reads format "
                f"{FORMAT} of {KIND!r}; use the version of the broker that wrote it"
            )
        try:
            document["missing"] = tuple(document["missing"])
            document["damaged"] = tuple(document["damaged"])
            found = cls(**document)
        except (KeyError, TypeError):
            raise NotABackup(f"{file}: is not the {NAME} of a backup, or is damaged") from None
        if Path(found.database).name != found.database:
            raise NotABackup(f"{file}: names a database outside its folder")
        return found
