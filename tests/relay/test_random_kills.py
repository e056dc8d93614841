"""A broker killed at random moments under load; longer by BROKER_KILL_ROUNDS, another seed by
BROKER_KILL_SEED.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.bench.random_kills import kill_at_random

ROUNDS = int(os.environ.get("BROKER_KILL_ROUNDS", "5"))
SEED = int(os.environ.get("BROKER_KILL_SEED", "1"))


@pytest.mark.long
@pytest.mark.timeout(60 + 10 * ROUNDS)
def test_no_kill_loses_a_film_or_prints_one_twice(tmp_path: Path) -> None:
    """Every accepted film is on paper once, or held as uncertain; no pixels are left over."""
    account = kill_at_random(tmp_path, ROUNDS, SEED, lambda _account: None)
    assert account.broken == [], f"seed {SEED}\n{account.table()}{account.faults}"
    assert account.kills == ROUNDS
    assert account.accepted > 0
    assert account.printed > 0
