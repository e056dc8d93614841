"""Libraries that are imported without a package which they do not need."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
from broker.service.process_start import left_out
with left_out("numpy", "sys"):
    import pydicom
assert "numpy" not in sys.modules
assert pydicom.config.have_numpy is False
import numpy
assert numpy.zeros(1).size == 1
"""


def test_a_package_is_left_out_meanwhile_alone() -> None:
    """The library does without it; what comes later has it, and what was imported stays."""
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
