"""The disk that films and rows are kept on: how much room there is, whose part it is, what is
removed first; and what its file system does not give, as the system's table of mounts tells its
kind.

The broker needs a local disk: SQLite's write-ahead log is shared memory between processes of one
machine (sqlite.org/wal.html), its locks are the kernel's, and what was forced to the disk must
outlive a power cut.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

MB = 1 << 20


@dataclass(frozen=True)
class Room:
    """Of the fullest disk that films or rows are kept on, in bytes."""

    free: int
    floor: int
    """What stays free for film sessions that are open already, and for the rows of jobs."""

    @property
    def low(self) -> bool:
        """Whether no new film session is taken unless pixels go before."""
        return self.free <= self.floor

    def refuses(self, kept: int) -> bool:
        """Whether no new film session is taken, though `kept` bytes of pixels can go before."""
        return self.low and kept <= self.floor - self.free

    def takes(self, size: int) -> bool:
        """Whether an image of `size` bytes may still come for an open film session: a quarter of
        the floor stays for the rows of jobs, whatever comes."""
        return size <= self.for_open_sessions

    @property
    def spare(self) -> int:
        """Bytes that are kept free above the floor as long as older pixels can go for them."""
        return self.floor // 4

    @property
    def near(self) -> bool:
        """Whether less than the floor and the spare are free."""
        return self.short_of_spare > 0

    @property
    def short_of_spare(self) -> int:
        """Bytes that are missing until the floor and the spare are free."""
        return self.floor + self.spare - self.free

    @property
    def above_floor(self) -> int:
        """Bytes that may be filled before film sessions are refused."""
        return max(0, self.free - self.floor)

    @property
    def for_open_sessions(self) -> int:
        """Bytes that images of open film sessions may fill: see `takes`."""
        return max(0, self.free - self.floor // 4)

    @property
    def words(self) -> str:
        """For a person."""
        free, floor = (_rounded(each) for each in (self.free, self.floor))
        if self.low:
            return f"{free} free, less than the {floor} of retention.floor_mb"
        return f"{free} free, and retention.floor_mb is {floor}"


def _rounded(size: int) -> str:
    """A size as `retention.floor_mb` counts it, in thousands where it is many: 74.8 GB."""
    mb = size // MB
    return f"{mb} MB" if mb < 10_000 else f"{mb / 1000:.1f} GB"


ADDRESS_TIMES = 3
"""One address may have this many times what is free."""


class Full(Enum):
    """What has no room for more."""

    CALLER = "one AE title at an address"
    ADDRESS = "one address"
    WHOLE = "the queue"


@dataclass(frozen=True)
class Use:
    """What waits already."""

    caller: int
    """Of the AE title at the address."""
    address: int
    """Of the address, whatever its AE titles."""


def full(use: Use, more: int, free: int, most: int = 0) -> Full | None:
    """What `more` would fill, where `free` is left; None while there is room.

    `most` is what the site allows one AE title at an address.
    """
    if most and use.caller + more > most:
        return Full.CALLER
    if more > free:
        return Full.WHOLE
    if use.caller + more > free:
        return Full.CALLER
    if use.address + more > ADDRESS_TIMES * free:
        return Full.ADDRESS
    return None


@dataclass(frozen=True)
class KeptJob:
    """A finished job whose pixels are kept for a reprint."""

    id: int
    names: frozenset[str]
    """Of its pixels in the spool. Other jobs may refer to the same."""


@dataclass(frozen=True)
class SheddingChoice:
    """What goes."""

    jobs: tuple[int, ...] = ()
    names: frozenset[str] = frozenset()
    """Files that no job refers to once those jobs have lost their pixels."""
    bytes: int = 0


def choose(
    oldest_first: Sequence[KeptJob],
    users: Mapping[str, Collection[int]],
    size: Callable[[str], int],
    need: int,
) -> SheddingChoice:
    """The jobs that ended first, until `need` bytes are free; fewer where there are no more.

    `users` has the numbers of all jobs that refer to a file, unfinished ones too: a file goes only
    with the last of them. A job that would free nothing keeps its pixels. `size` says what
    removing a file would free, in bytes.
    """
    left = {name: len(set(numbers)) for name, numbers in users.items()}
    taken: list[KeptJob] = []
    freed: dict[str, int] = {}
    total = 0
    for job in oldest_first:
        if total >= need:
            break
        taken.append(job)
        for name in job.names:
            left[name] -= 1
            if not left[name] and (found := size(name)):
                freed[name] = found
                total += found
    jobs = tuple(job.id for job in taken if not job.names.isdisjoint(freed))
    return SheddingChoice(jobs, frozenset(freed), total)


NETWORK = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "gfs2",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "smb3",
        "smbfs",
        "vboxsf",
        "virtiofs",
    }
)
"""Other machines have the files, or the host of this virtual one."""
MEMORY = frozenset({"ramfs", "tmpfs"})
LAYERED = frozenset({"aufs", "fuse.fuse-overlayfs", "overlay"})
_ESCAPED = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class Mount:
    """One line of the table."""

    point: str
    kind: str
    """The file system's type, as `mount` says it: ext4, nfs4, fuse.sshfs."""
    source: str

    @property
    def is_network(self) -> bool:
        """Whether other machines, or the host of this virtual one, have the files."""
        return self.kind in NETWORK or self.kind.startswith("fuse.")

    @property
    def flock_is_fcntl(self) -> bool:
        """Whether a `flock` of a file may meet the byte-range locks that SQLite sets on it.

        On NFS and SMB a `flock` is a byte-range lock of the whole file (flock(2), NFS details and
        CIFS details); of the others it is not known, so that they count as well.
        """
        return self.is_network

    @property
    def words(self) -> str:
        """What is not given there; empty for a local disk."""
        if self.kind in MEMORY:
            return (
                f"lies on {self.kind}, in the memory of this machine: all films are lost at "
                "reboot; use a disk"
            )
        if self.kind in LAYERED:
            return (
                f"lies on {self.kind}, mostly the layer of a container: all films are lost when "
                "the container is removed; use a volume"
            )
        if self.is_network:
            return (
                f"lies on {self.kind} ({self.source}), which is not a local disk: SQLite's locks "
                "and its write-ahead log do not hold there; a second broker on the same database "
                "is kept away only while the file named as the database and .lock is there; and "
                "what was forced to the disk may be in another machine's memory, so that films and "
                "the queue can be lost; use a local disk"
            )
        return ""


def mount_of(mountinfo: str, path: str) -> Mount | None:
    """The mount that an absolute path, without links, lies on; None when the text names none.

    `mountinfo` is the text of /proc/self/mountinfo (proc(5)). Of two mounts on one point the later
    one covers the other.
    """
    found: Mount | None = None
    for line in mountinfo.splitlines():
        before, separator, after = line.partition(" - ")
        places, kinds = before.split(), after.split()
        if not separator or len(places) < 5 or len(kinds) < 2:
            continue
        mount = Mount(_plain(places[4]), kinds[0], _plain(kinds[1]))
        covers = found is None or len(mount.point) >= len(found.point)
        if covers and _within(path, mount.point):
            found = mount
    return found


def _within(path: str, point: str) -> bool:
    return point == "/" or path == point or path.startswith(f"{point}/")


def _plain(field: str) -> str:
    """A field with its octal escapes resolved: a space is \\040."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), field)
