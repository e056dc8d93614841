"""A process that ends with the process that started it, however that ends.

Only the standard library is imported, and little of it: until `end_with` was called, a parent that
is killed leaves this process behind.
"""

from __future__ import annotations

import ctypes
import os
import signal

NICE = 10
"""The relay goes first: at 5, a page under attack made films a tenth slower on two cores."""
EXPENDABLE = 500
"""Of 1000, for a system without memory: the page ends before the relay."""
PR_SET_PDEATHSIG = 1
"""prctl(2): the signal that a process gets when the thread that started it ends."""


def end_with(parent: int) -> None:
    """Have the system kill this process as soon as the thread of `parent` that started it ends;
    end at once where that process has ended already.

    The thread must live for as long as this process is wanted. Linux only: elsewhere nothing is
    done, and the end of stdin has to be enough.

    Raises: OSError: the system refused it.
    """
    prctl = getattr(ctypes.CDLL(None, use_errno=True), "prctl", None)
    if prctl is None:
        return
    if prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    if os.getppid() != parent:  # it ended before the system was told
        os._exit(0)


def give_way_to_the_relay(expendable: int = EXPENDABLE) -> None:
    """Have the system run the relay before this process, and end this process before the relay
    where memory runs out: `expendable` of 1000 (proc(5), oom_score_adj). A system without that
    setting is left as it is."""
    os.nice(NICE)
    try:
        with open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123 - pathlib is large
            file.write(str(expendable))
    except OSError:
        return
