"""A process that ends with the one that started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from broker.relay.parent import EXPENDABLE, NICE

CHILD = """
import os, sys
from broker.relay.parent import end_with
end_with(int(sys.argv[1]))
print("begun", flush=True)
os.read(0, 1)
"""
PARENT = f"""
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {CHILD!r}, str(os.getpid())], stdin=subprocess.PIPE)
print(child.pid, flush=True)
child.wait()
"""


def test_it_ends_with_its_parent() -> None:
    """At once when the parent is killed, though its stdin stays open and it may be stopped."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert parent.stdout.readline() == "begun\n"
        watched = os.pidfd_open(child)
        os.kill(child, signal.SIGSTOP)
        parent.kill()
        # The child has the pipe, too: its end is the child's.
        assert parent.stdout.read() == ""
        os.close(watched)


def test_it_ends_where_its_parent_has_gone() -> None:
    """Another process is its parent by then: the one that adopted it."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, "1"],
        stdin=subprocess.PIPE,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b"")


def test_the_page_gives_way_before_it_loads_anything(tmp_path: Path) -> None:
    """Loading takes a second or two of a processor, and comes again each time that the page fails
    to start: films go first even then."""
    (tmp_path / "structlog.py").write_text(
        "import os, sys\n"
        "score = open('/proc/self/oom_score_adj').read().strip()\n"
        "print(os.getpriority(os.PRIO_PROCESS, 0), score, flush=True)\n"
        "sys.exit()\n"
    )
    path = os.pathsep.join((str(tmp_path), *sys.path))
    done = subprocess.run(
        [sys.executable, "-m", "broker.web", str(os.getpid())],
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.PIPE,
        capture_output=True,
        timeout=30,
        check=False,
        text=True,
    )
    now = os.getpriority(os.PRIO_PROCESS, 0)
    assert done.stdout.split() == [str(min(19, now + NICE)), str(EXPENDABLE)]
