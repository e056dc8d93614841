"""What a folder lies on, as /proc/self/mountinfo tells it, and what is not given there."""

from __future__ import annotations

import pytest

from broker.model.storage.disk import Mount, mount_of

MOUNTINFO = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,errors=remount-ro
23 22 0:21 / /proc rw,nosuid,nodev,noexec - proc proc rw
24 22 0:22 / /tmp rw,nosuid,nodev shared:2 - tmpfs tmpfs rw,size=4g
25 22 0:23 / /srv/films rw,relatime shared:3 master:1 - nfs4 nas.example:/export/films rw,vers=4.2
26 22 0:24 / /srv/films/local rw - xfs /dev/vdb1 rw
27 22 0:25 / /mnt/a\\040b\\134c rw - cifs //nas/share rw
28 22 0:26 / /mnt/ssh rw - fuse.sshfs ruth@nas: rw
29 22 0:27 / /mnt/usb rw - fuseblk /dev/sdb1 rw
30 22 0:28 / /layer rw - overlay overlay rw,lowerdir=/a
31 22 0:29 / /twice rw - tmpfs none rw
32 22 254:1 / /twice rw - ext4 /dev/vdc rw
33 22 0:30 / /host rw - virtiofs films rw
a line of another kind
34 22 0:31
"""


@pytest.mark.parametrize(
    ("path", "point", "kind", "source"),
    [
        ("/var/lib/broker", "/", "ext4", "/dev/vda"),
        ("/", "/", "ext4", "/dev/vda"),
        ("/tmp", "/tmp", "tmpfs", "tmpfs"),
        ("/tmp/broker-data", "/tmp", "tmpfs", "tmpfs"),
        ("/tmpfoo", "/", "ext4", "/dev/vda"),
        ("/srv/films/2026", "/srv/films", "nfs4", "nas.example:/export/films"),
        ("/srv/films/local/x", "/srv/films/local", "xfs", "/dev/vdb1"),
        ("/mnt/a b\\c/x", "/mnt/a b\\c", "cifs", "//nas/share"),
        ("/twice/x", "/twice", "ext4", "/dev/vdc"),
    ],
)
def test_a_path_lies_on_the_nearest_mount(path: str, point: str, kind: str, source: str) -> None:
    """The longest mount point above it; of two on one point, the later; escapes are resolved."""
    assert mount_of(MOUNTINFO, path) == Mount(point, kind, source)


def test_a_text_that_names_no_mount_tells_nothing() -> None:
    """Neither an empty text nor lines of another kind."""
    assert mount_of("", "/x") is None
    assert mount_of("a line\n1 2 3 - \n", "/x") is None


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/srv/films", "nfs4 (nas.example:/export/films), which is not a local disk: SQLite's"),
        ("/mnt/a b\\c", "cifs (//nas/share), which is not a local disk"),
        ("/mnt/ssh", "fuse.sshfs (ruth@nas:), which is not a local disk"),
        ("/host", "virtiofs (films), which is not a local disk"),
        ("/tmp", "all films are lost at reboot"),
        ("/layer", "all films are lost when the container is removed"),
    ],
)
def test_what_is_not_given_is_said(path: str, words: str) -> None:
    """Locks, the write-ahead log and fsync of a network file system; the end of a volatile one."""
    found = mount_of(MOUNTINFO, path)
    assert found is not None
    assert words in found.words


@pytest.mark.parametrize("path", ["/", "/srv/films/local", "/mnt/usb", "/twice"])
def test_a_local_disk_is_not_worth_a_word(path: str) -> None:
    """Whatever its file system is."""
    found = mount_of(MOUNTINFO, path)
    assert found is not None
    assert found.words == ""


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        *((kind, False) for kind in ("ext4", "tmpfs", "overlay", "fuseblk")),
        *((kind, True) for kind in ("nfs", "nfs4", "cifs", "smb3", "fuse.sshfs")),
    ],
)
def test_where_flock_meets_the_locks_of_sqlite(kind: str, expected: bool) -> None:
    """On network file systems, and in no other case."""
    assert Mount("/", kind, "there").flock_is_fcntl is expected
