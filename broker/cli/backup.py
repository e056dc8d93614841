"""`broker backup`: the queue and its pixels, copied to another folder beside a running broker."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.options import ConfigOption, configured
from broker.operations.words.text import and_more, count, megabytes

if TYPE_CHECKING:
    from broker.backup.backup import Report

NAMED = 5
"""Files that are named in one sentence."""

FolderArgument = Annotated[
    Path,
    typer.Argument(
        metavar="DIR",
        help="Where backups of this broker are kept: a folder of their own, best on another disk.",
        show_default=False,
    ),
]
AsDocument = Annotated[bool, typer.Option("--json", help="JSON instead of sentences.")]


def backup(
    ctx: typer.Context,
    folder: FolderArgument,
    as_document: AsDocument = False,
    config: ConfigOption = None,
) -> None:
    """Copy the queue and its pixels to DIR.

    It is made beside a running broker, or without one. Every film that was accepted before it
    begins is in it, with its pixels. The next backup into the same DIR copies only new pixels and
    replaces the one before: DIR holds one backup, and holds it whole at any time, also when a
    backup is broken off.

    In it: jobs, films, pixels, printers' duties, who gave which command, and the users of the page
    with their hashed passwords. Not in it: broker.toml, certificates and their keys, the file with
    the mail password, logs. Copy those yourself. Patients' names are in it: DIR is its owner's
    alone.

    Exit code 1 when pixels are missing or damaged (the rest is there), or without a backup.

    Example: broker backup /mnt/backup/broker
    """
    from importlib.metadata import version

    from broker.backup.backup import Site, back_up
    from broker.cli.output.progress import ProgressLine
    from broker.cli.output.tables import as_json, say
    from broker.cli.owner import permitted
    from broker.config.file import load
    from broker.operations.words.failures import Failure, of_database
    from broker.store.sqlite import SqliteError

    settings = load(configured(ctx, config))
    folder = folder.expanduser().absolute()
    if folder.resolve().is_relative_to(settings.data_dir.resolve()):
        raise Failure(
            f"{folder}: is inside {settings.data_dir}, which it is to be a copy of; name a folder "
            "elsewhere, best on another disk"
        )
    site = Site(
        settings.database_file,
        settings.data_dir / "spool",
        version("dicom-print-broker"),
        time.time,
    )
    try:
        with (
            permitted(folder),
            ProgressLine("looking at the folder", 1, quiet=as_document) as progress,
        ):
            report = back_up(site, folder, progress)
    except SqliteError as error:
        raise Failure(of_database(error, settings.database_file) or str(error)) from error
    if as_document:
        typer.echo(as_json(_document(folder, report)))
    else:
        for line in _lines(folder, report):
            say(line)
    if report.manifest.missing or report.manifest.damaged:
        raise typer.Exit(1)


def _document(folder: Path, report: Report) -> dict[str, object]:
    manifest = report.manifest
    return {
        "folder": str(folder),
        "at": manifest.at,
        "moment": manifest.moment,
        "jobs": manifest.jobs,
        "films": manifest.films,
        "files": manifest.files,
        "bytes": manifest.bytes,
        "database_bytes": manifest.database_bytes,
        "copied": report.copied,
        "copied_bytes": report.copied_bytes,
        "removed": report.removed,
        "pixels_removed_meanwhile": report.forgotten,
        "missing": list(manifest.missing),
        "damaged": list(manifest.damaged),
        "seconds": round(report.seconds, 3),
    }


def _lines(folder: Path, report: Report) -> list[str]:
    manifest = report.manifest
    lines = []
    if report.forgotten:
        lines.append(
            f"{count(report.forgotten, 'finished job')} lost their pixels to retention meanwhile: "
            "they are in the backup without"
        )
    for what, names in (("missing", manifest.missing), ("damaged", manifest.damaged)):
        if names:
            lines.append(
                f"NOT IN THE BACKUP: {count(len(names), 'spool file')} {what} in the spool: "
                f"{and_more(names, NAMED)}. `broker db check --full` names their jobs"
            )
    total = manifest.bytes + manifest.database_bytes
    lines.append(
        f"{folder}: backup of {manifest.moment}: {count(sum(manifest.jobs.values()), 'job')}, "
        f"{count(manifest.films, 'film')}, {megabytes(total)}, of which "
        f"{megabytes(report.copied_bytes)} of pixels were new; {report.seconds:.1f} s"
    )
    return lines
