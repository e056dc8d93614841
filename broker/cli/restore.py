"""`broker restore`: a backup put in the place of a database that is lost."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.options import ConfigOption, configured
from broker.operations.words.text import and_more, count, megabytes

if TYPE_CHECKING:
    from broker.backup.restoring import Inspection, Place, Restored

NAMED = 20
"""Jobs, or files, that are named in one sentence."""

FolderArgument = Annotated[
    Path,
    typer.Argument(
        metavar="DIR", help="The folder that `broker backup DIR` wrote.", show_default=False
    ),
]
DryOption = Annotated[
    bool, typer.Option("--dry-run", help="Check the backup whole and say what would come back.")
]
IncompleteOption = Annotated[
    bool,
    typer.Option(
        "--incomplete",
        help="Restore what there is of a backup that lacks pixels; their jobs are held.",
    ),
]


def restore(
    ctx: typer.Context,
    folder: FolderArgument,
    dry_run: DryOption = False,
    incomplete: IncompleteOption = False,
    config: ConfigOption = None,
) -> None:
    """Bring a backup back, into a data directory without a database.

    Stop the broker, and move a database that is damaged out of its folder first; leave the spool
    where it is. The backup is checked whole before anything is written: its rows, and every file by
    its content. A spool of the same broker that is in place is used, and nothing in it is removed:
    what the backup does not know is set aside by the next start (`broker spool`).

    Jobs that were not finished when the backup was made may have been printed since. They come back
    held, and none prints by itself: `broker jobs release ID` prints one and flags it, `broker jobs
    release ID --printed` closes it as printed. Films taken after the backup are not in it.

    A backup that was made before an upgrade may be restored after it: its tables are brought up to
    date. A database is never replaced, not even one that another command makes meanwhile.

    broker.toml and certificates are not in a backup: put them in place yourself.

    Example: broker restore --dry-run /mnt/backup/broker
    """
    from broker.backup.restoring import Place, RestoreRefused, inspect, occupied, refuse_existing
    from broker.backup.restoring import restore as put_in_place
    from broker.cli.output.progress import ProgressLine
    from broker.cli.output.tables import say
    from broker.cli.owner import permitted
    from broker.config.file import load
    from broker.operations.words.failures import Failure
    from broker.store.occupancy import Occupancy

    settings = load(configured(ctx, config))
    folder = folder.expanduser().absolute()
    place = Place(settings.data_dir, settings.database_file, time.time)
    with ProgressLine("looking at the backup", 1) as progress:
        if dry_run:
            with permitted(folder):
                found = inspect(folder, place, progress)
        else:
            if Occupancy.taken(settings.data_dir):
                raise Failure(f"{settings.data_dir}: a broker is running on it; stop it first")
            refuse_existing(place)
            with permitted(folder):
                found = inspect(folder, place, progress)
            if (found.missing or found.damaged) and not incomplete:
                raise Failure(_lacks(found))
            with occupied(place):
                restored = put_in_place(found, place, progress)
    for line in _found(found):
        say(line)
    if not dry_run:
        for line in _came_back(found, restored, place):
            say(line)
        return
    try:
        refuse_existing(place)
    except RestoreRefused as refused:
        say(f"Not yet: {refused.words}")
    typer.echo("Nothing was changed.")
    if found.missing or found.damaged:
        raise typer.Exit(1)


def _lacks(found: Inspection) -> str:
    names = and_more([*found.missing, *found.damaged], NAMED)
    lost = count(len(found.missing), "spool file")
    return (
        f"{found.folder}: the backup is not whole: {lost} missing and {len(found.damaged)} damaged "
        f"({names}). Nothing was restored. Try another backup; or add --incomplete: the rest "
        "comes back, and jobs without their pixels are held and say so"
    )


def _found(found: Inspection) -> list[str]:
    manifest = found.manifest
    jobs = ", ".join(f"{number} {state}" for state, number in manifest.jobs.items())
    size = megabytes(manifest.bytes + manifest.database_bytes)
    lines = [
        f"{found.folder}: backup of {manifest.moment}, broker {manifest.broker}",
        f"{count(sum(manifest.jobs.values()), 'job')} ({jobs or 'none'}), "
        f"{count(manifest.films, 'film')}, {count(len(found.wanted), 'spool file')}, {size}",
    ]
    if found.missing or found.damaged:
        lines.append(
            f"NOT WHOLE: {count(len(found.missing), 'spool file')} missing, {len(found.damaged)} "
            "damaged"
        )
    if found.by_numbers:
        lines.append(
            f"The backup was made before an upgrade (tables {manifest.schema}), and names no "
            "database: it is taken for this spool's, as its job numbers agree, and "
            f"{len(found.there)} of its {len(found.wanted)} spool files are in it. If it is "
            "another broker's, restore the right one"
        )
    if found.others:
        lines.append(
            f"{count(found.others, 'file')} in the spool that this backup does not know, as of "
            "films taken since: the next start sets them aside and removes none; `broker spool` "
            "shows them"
        )
    return lines


def _came_back(found: Inspection, restored: Restored, place: Place) -> list[str]:
    lines = [
        f"{place.database}: restored, {count(restored.copied, 'spool file')} copied; new jobs are "
        f"numbered from {restored.next_number}"
    ]
    lines += [f"set aside: {each}" for each in restored.set_aside]
    if restored.held:
        lines.append(
            f"{count(len(restored.held), 'job')} held, as they may have been printed since "
            f"{found.manifest.moment}: {and_more(restored.held, NAMED)}"
        )
    if restored.lost:
        lines.append(
            f"of these without their pixels: {and_more(restored.lost, NAMED)}: print them again at "
            "the modality"
        )
    lines.append(
        f"Films taken after {found.manifest.moment} are not in the backup: ask modalities to print "
        "those again."
    )
    if os.geteuid() == 0:
        lines.append(
            f"The files belong to root. If the broker runs as another user: `chown -R USER: "
            f"{place.data_dir}`"
        )
    lines.append("Next: `broker db check`, then `broker serve`, or your service, starts it.")
    if restored.held:
        first = restored.held[0]
        lines.append(
            "Then `broker jobs --state held`; for each job look in the trays first: "
            f"`broker jobs release {first} --printed` if it is there, "
            f"`broker jobs release {first}` prints it, and flags it; several numbers may be given."
        )
    return lines
