"""What the file system of a folder does not give, as the system's table of mounts tells its kind.

The broker needs a local disk: SQLite's write-ahead log is shared memory between processes of one
machine (sqlite.org/wal.html), its locks are the kernel's, and what was forced to the disk must
outlive a power cut.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

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
