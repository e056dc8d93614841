"""One broker on a database, by whatever path: locks, who holds them, and what file systems give."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from broker.model.storage.disk import Mount, mount_of

LISTING = Path("/proc/locks")


@dataclass(frozen=True)
class KernelLock:
    """One line of the list: a lock that is held."""

    kind: str
    """FLOCK for flock(2), POSIX for fcntl(2), OFDLCK for an open file description's."""
    mode: str
    """READ or WRITE."""
    process: int
    """The number of the process; 0 or less where this process may not know it, as for another
    container's."""
    device: str
    """Major and minor number in hex: `08:02`. On btrfs it is another one than stat(2) gives."""
    inode: int
    first: int
    last: int | None
    """The bytes that are locked; None means to the end of the file."""

    def is_of(self, status: os.stat_result) -> bool:
        """Whether it is on this file."""
        device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}"
        return (self.device, self.inode) == (device, status.st_ino)


def parsed(text: str) -> list[KernelLock]:
    """The locks of a list as /proc/locks has it (proc_locks(5)); lines of another form, and of
    processes that wait for a lock, are left out.

    `1: POSIX  ADVISORY  READ 4711 08:02:1234567 124 EOF`
    """
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) != 8:
            continue  # of one that waits: an arrow is before it
        _, kind, _, mode, process, file, first, last = words
        device, _, inode = file.rpartition(":")
        with suppress(ValueError):
            end = None if last == "EOF" else int(last)
            found.append(KernelLock(kind, mode, int(process), device, int(inode), int(first), end))
    return found


def listed() -> list[KernelLock]:
    """The locks of this moment; none where the system does not list them."""
    try:
        return parsed(LISTING.read_text(encoding="ascii"))
    except OSError:
        return []


MOUNTS = Path("/proc/self/mountinfo")


def mount_at(folder: Path) -> Mount | None:
    """The mount that the folder lies on; of one that is not there yet, its nearest parent's.

    None where the system does not tell.
    """
    try:
        text = MOUNTS.read_text(errors="surrogateescape")
    except OSError:
        return None  # a system without /proc
    return mount_of(text, os.path.realpath(folder))


FILE = "broker.lock"
LOOKED_AT_S = 1.0
"""For so long, at most, a command may look at a lock, which holds it."""
UNKNOWN = "unknown"
BESIDE = ".lock"
"""What is added to the database's name where the lock is beside it."""

NO_LOCK = (errno.ENOLCK, errno.ENOTSUP, errno.EBADF, errno.EINVAL)
"""What file systems say that cannot lock this."""

Inode = tuple[int, int]


class Occupied(Exception):
    """Another broker runs on this data directory, or on this database."""


class Occupancy:
    """Holds a data directory, or a database, until it is closed or its process ends."""

    _databases: ClassVar[dict[Inode, Self]] = {}
    """Those that this process holds. It never opens such a file a second time: closing any
    descriptor of it would end the locks that SQLite has on it in this process."""
    _taking: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, *descriptors: int, inode: Inode | None = None) -> None:
        self._descriptors = descriptors
        self._inode = inode

    @classmethod
    def take(cls, directory: Path) -> Self:
        """Take the directory. Raises: Occupied: another process has it; it is named."""
        itself = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        named = -1
        try:
            named = os.open(directory / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if not (_locked(itself) and _locked(named)):
                holder = _written(named) or _holder(os.fstat(itself))
                raise _occupied(directory, holder, "data_dir")
            _write_number(named)
        except BaseException:
            os.close(itself)
            if named >= 0:
                os.close(named)
            raise
        return cls(itself, named)

    @classmethod
    def take_database(cls, file: Path) -> Self:
        """Take a database file that is there, before this process opens it otherwise: two spools
        cannot share one queue.

        Raises: Occupied: another process has it; it is named. OSError.
        """
        locked = lock_of(file)
        made = 0 if locked == file else os.O_CREAT
        with cls._taking:
            while True:
                status = file.stat()
                inode = (status.st_dev, status.st_ino)
                if inode in cls._databases:
                    raise _occupied(file, str(os.getpid()), "database.url")
                descriptor = os.open(locked, os.O_RDWR | os.O_CLOEXEC | made, 0o600)
                try:
                    if not _locked(descriptor):
                        named = "" if locked == file else _written(descriptor)
                        holder = named or _holder(os.fstat(descriptor))
                        raise _occupied(file, holder, "database.url")
                    if _is_at(os.fstat(descriptor), locked) and _is_at(status, file):
                        if locked != file:
                            _write_number(descriptor)
                        taken = cls(descriptor, inode=inode)
                        cls._databases[inode] = taken
                        return taken
                except BaseException:
                    os.close(descriptor)
                    raise
                os.close(descriptor)  # another file was put in its place meanwhile

    @classmethod
    def database_taken(cls, file: Path) -> bool:
        """Whether a broker runs on this database, with whatever data directory.

        The database is not opened for it: this process may have it open (see `_databases`). So on a
        local disk a broker in another container is not seen, nor any where the kernel lists another
        device than the file has (btrfs).
        """
        try:
            status = file.stat()
        except FileNotFoundError:
            return False
        if (status.st_dev, status.st_ino) in cls._databases:
            return True
        locked = lock_of(file)
        if locked == file:
            return _holder(status) != UNKNOWN
        with contextlib.suppress(FileNotFoundError):
            return _taken(os.open(locked, os.O_RDWR | os.O_CLOEXEC))
        return False

    @staticmethod
    def taken(directory: Path) -> bool:
        """Whether a broker runs on this directory now."""
        with contextlib.suppress(FileNotFoundError):
            if _taken(os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)):
                return True
            return _taken(os.open(directory / FILE, os.O_RDWR | os.O_CLOEXEC))
        return False

    @staticmethod
    def holder(directory: Path) -> str:
        """The number of the process that has this directory, as it wrote it down; empty where it
        could not. Of one that is not taken, the last that had it."""
        try:
            descriptor = os.open(directory / FILE, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return ""
        try:
            return _written(descriptor)
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Unlock it. Of a database, once this process has closed it."""
        with self._taking:
            for each in self._descriptors:
                os.close(each)
            self._descriptors = ()
            if self._inode is not None:
                self._databases.pop(self._inode, None)


def lock_of(file: Path) -> Path:
    """The file whose `flock` keeps a second broker away from a database: the database itself, or,
    where that lock would meet SQLite's own on it, `<database>.lock` beside it.

    That file is opened and closed at will, as SQLite has no lock on it.
    """
    mount = mount_at(file)
    if mount is None or not mount.flock_is_fcntl:
        return file
    itself = file.resolve()  # by whatever link it is reached
    return itself.with_name(f"{itself.name}{BESIDE}")


def _occupied(what: Path, holder: str, key: str) -> Occupied:
    return Occupied(
        f"{what}: another broker (process {holder}) runs on it; stop it first, or give this one "
        f"its own {key}"
    )


def _locked(descriptor: int) -> bool:
    """Lock it for this process alone. A command may look at the lock in this moment (`taken`), and
    looking holds it: so it is tried for a while."""
    end = time.monotonic() + LOOKED_AT_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):  # the latter is CIFS's word for it
            if time.monotonic() >= end:
                return False
            time.sleep(0.02)
        except OSError as error:
            if error.errno not in NO_LOCK:
                raise
            return True
        else:
            return True


def _taken(descriptor: int) -> bool:
    """Whether another process has it locked; the descriptor is closed."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return True
    except OSError as error:
        if error.errno not in NO_LOCK:
            raise
    finally:
        os.close(descriptor)
    return False


def _is_at(status: os.stat_result, path: Path) -> bool:
    """Whether that file is the one of this name still."""
    try:
        return os.path.samestat(status, path.stat())
    except FileNotFoundError:
        return False


def _write_number(descriptor: int) -> None:
    """Write down this process's number, for a person; on a full disk the lock holds without it."""
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)


def _written(descriptor: int) -> str:
    """The number that the process which has the lock wrote down; empty where it could not."""
    with contextlib.suppress(OSError):
        text = os.pread(descriptor, 32, 0).strip(b"\0\n").decode("ascii", "replace")
        return text if text.isdigit() else ""
    return ""


def _holder(status: os.stat_result) -> str:
    """The process that has a file locked, as the kernel lists it."""
    for each in listed():
        if each.is_of(status) and (each.kind, each.mode) == ("FLOCK", "WRITE"):
            return str(each.process)
    return UNKNOWN
