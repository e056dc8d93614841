"""Folders on stable storage: a file that is new or renamed survives a power cut only then."""

from __future__ import annotations

import errno
import os
from pathlib import Path

NO_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF)
"""What network file systems say that cannot do this with a folder."""


def sync_folder(folder: Path, *, where_possible: bool = False) -> None:
    """Put the names in a folder on stable storage (fsync(2)).

    With `where_possible`, a file system that cannot do that is no error: a backup may lie on one,
    and the spool may not (promise 1). Raises: OSError.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if not (where_possible and error.errno in NO_SYNC):
            raise
    finally:
        os.close(descriptor)
