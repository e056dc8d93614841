"""What is to be known of the data folder: its file system, its owner, and who may read it."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from broker.store.occupancy import mount_at

if TYPE_CHECKING:
    from broker.config.schema import Config

OTHERS = 0o077
"""Every right of the group and of other users."""
OWN_NAMES = frozenset({"spool", "vitals.json", "notices.json", "web.key", "lost+found"})
"""What the broker makes in its data folder, beside its database and what begins with OWN_PREFIXES;
`lost+found` is made by mkfs."""
OWN_PREFIXES = ("broker.", ".broker.", ".vitals.", ".notices.", ".web.")
_ACL = "system.posix_acl_access"


@dataclass(frozen=True)
class Exposed:
    """A file or folder that others may read or write."""

    path: Path
    mode: int
    """Permission bits, as chmod takes them."""
    why_left: str = ""
    """Why the broker does not make it private; empty where it does."""

    @property
    def words(self) -> str:
        """One sentence, with what to do."""
        said = f"{self.path} is open to other users of this machine (mode {self.mode:04o})"
        if self.why_left:
            return f"{said}: {self.why_left}"
        return f"{said}; `broker serve` makes it private at its start"


def exposed(data_dir: Path, database_file: Path) -> list[Exposed]:
    """What is open to others, the data folder first; nothing is changed.

    Below a private folder nothing is looked at: no other user gets there.
    """
    own = OWN_NAMES | {path.name for path in _companions(database_file)}
    found = []
    if (folder := _look(data_dir, lambda: _shared_with(data_dir, own))) is not None:
        found.append(folder)
        found += _open_below(data_dir, own)
    spool = data_dir / "spool"
    if spool.is_symlink() and (led := _look(spool.resolve(), lambda: _led_to(spool))) is not None:
        found.append(led)
    found += [
        each
        for path in _companions(database_file)
        if not path.is_relative_to(data_dir) and (each := _look(path)) is not None
    ]
    return found


def make_private(data_dir: Path, database_file: Path) -> tuple[list[Exposed], list[Exposed]]:
    """Take every right of others from the broker's own files and folders.

    What was made private, with the mode that it had, and what was left. The folder goes first, so
    that no other user can change what is in it meanwhile.
    """
    made: list[Exposed] = []
    left: list[Exposed] = []
    for found in exposed(data_dir, database_file):
        why = found.why_left or _close(found)
        if why:
            left.append(Exposed(found.path, found.mode, why))
        else:
            made.append(found)
    return made, left


def _open_below(data_dir: Path, own: frozenset[str]) -> Iterator[Exposed]:
    """What is open of the broker's own files and folders, folders before what is in them."""
    try:
        paths = sorted(data_dir.iterdir())
    except PermissionError:
        return  # of another user, which has been said
    for path in (each for each in paths if _is_own(each.name, own)):
        inside = os.walk(path) if path.is_dir() and not path.is_symlink() else ()
        yield from _looked([path])
        for folder, folders, files in inside:
            yield from _looked(Path(folder, name) for name in (*folders, *files))


def _looked(paths: Iterable[Path]) -> Iterator[Exposed]:
    for path in paths:
        if (found := _look(path)) is not None:
            yield found


def _companions(database_file: Path) -> list[Path]:
    """The database with the files that SQLite and the broker keep beside it."""
    ends = ("", "-wal", "-shm", "-journal", ".lock")
    return [database_file.with_name(f"{database_file.name}{end}") for end in ends]


def _is_own(name: str, own: frozenset[str]) -> bool:
    return name in own or name.startswith(OWN_PREFIXES)


def _shared_with(folder: Path, own: frozenset[str]) -> str:
    """Why a data folder is not the broker's to close; empty when it is."""
    others = sorted(each.name for each in folder.iterdir() if not _is_own(each.name, own))
    if not others:
        return ""
    more = f" and {len(others) - 1} more" if len(others) > 1 else ""
    return (
        f"it is left so, as it holds {others[0]}{more}, which is not the broker's; give the broker "
        "a folder of its own in broker.data_dir"
    )


def _led_to(link: Path) -> str:
    return f"{link} leads there, and it may hold other things; if not: chmod go= {link.resolve()}"


def _look(path: Path, why_left: Callable[[], str] = str) -> Exposed | None:
    """What is open there; None for what is private, a link, or not there any more."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    mode = stat.S_IMODE(found.st_mode)
    if stat.S_ISLNK(found.st_mode) or not mode & OTHERS:
        return None
    if found.st_uid != os.geteuid():
        return Exposed(path, mode, _of_another(path, found.st_uid))
    if _has_acl(path):
        words = "an access control list says so (`getfacl` shows it), and it is left as it is"
        return Exposed(path, mode, words)
    return Exposed(path, mode, why_left())


def _of_another(path: Path, owner: int) -> str:
    try:
        name = pwd.getpwuid(owner).pw_name
    except KeyError:
        name = f"uid {owner}"
    return f"it belongs to {name}, who alone can change that: chmod go= {path}"


def _has_acl(path: Path) -> bool:
    """Whether an access list gives rights to others than owner, group and all users.

    The group's bits are then a mask: taking them would take those rights, too.
    """
    try:
        return bool(os.getxattr(path, _ACL, follow_symlinks=False))
    except OSError:
        return False  # no such attribute, or a file system without them


def _close(found: Exposed) -> str:
    """Take the rights of others; why that failed, or nothing."""
    try:
        # Never through a link that was put in its place since it was looked at. A file that was
        # opened otherwise would lose the locks that this process has on it when it is closed.
        descriptor = os.open(found.path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        return (error.strerror or "it cannot be opened").lower()
    try:
        if stat.S_ISLNK(os.fstat(descriptor).st_mode):
            return "a link was put in its place"
        Path(f"/proc/self/fd/{descriptor}").chmod(found.mode & ~OTHERS)
        if os.fstat(descriptor).st_mode & OTHERS:
            return "its file system keeps no modes; mount it for the broker's user alone"
    except OSError as error:
        return (error.strerror or "it cannot be changed").lower()
    finally:
        os.close(descriptor)
    return ""


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
