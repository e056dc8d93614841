"""What a test needs and this machine has not: skipped, or failed where everything is required."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

REQUIRED = "BROKER_REQUIRE_ALL"
"""Where it is set, a test that cannot run here has failed."""


def cannot_run(words: str) -> NoReturn:
    """End the test; `words` say what is missing."""
    if os.environ.get(REQUIRED):
        pytest.fail(words, pytrace=False)
    pytest.skip(words)
