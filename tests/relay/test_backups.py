"""Backups under load, restored elsewhere; longer by BROKER_BACKUP_ROUNDS, another seed by
BROKER_BACKUP_SEED.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.bench.backups import back_up_and_restore

ROUNDS = int(os.environ.get("BROKER_BACKUP_ROUNDS", "2"))
SEED = int(os.environ.get("BROKER_BACKUP_SEED", "1"))


@pytest.mark.long
@pytest.mark.timeout(60 + 60 * ROUNDS)
def test_a_backup_under_load_loses_no_film_and_flags_what_prints_twice(tmp_path: Path) -> None:
    """Every film accepted before the moment is there and prints; none prints twice unflagged."""
    account = back_up_and_restore(tmp_path, ROUNDS, SEED, lambda _account: None)
    assert account.broken == [], f"seed {SEED}\n{account.table()}{account.faults}"
    assert account.rounds == ROUNDS
    assert account.before > 0
    assert account.released > 0
