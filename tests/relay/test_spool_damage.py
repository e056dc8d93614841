"""Damaged spool files: held, told, no printer blamed, nothing wrong on paper. All cases are in
`tests.bench.spool_damage`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.spool_damage import damage


@pytest.mark.parametrize(
    ("kind", "moment"),
    [
        ("0 bytes", "waiting"),
        ("unreadable", "waiting"),
        ("a FIFO", "waiting"),
        ("0 bytes", "printing"),
        ("a folder", "restarted"),
        ("one bit", "restarted"),
    ],
)
def test_what_is_damaged_is_held_and_harms_no_other(kind: str, moment: str, tmp_path: Path) -> None:
    """Put right and released, each film is on paper once."""
    outcome = damage(tmp_path, kind, moment)
    assert outcome.good, outcome
