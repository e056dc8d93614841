"""What holds for every test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from tests.peers.network import Network
from tests.peers.network import missing as missing_network

DCMTK = ("dcmprscp", "dcmprscu", "dcmpsprt", "echoscu")
REQUIRED = "BROKER_REQUIRE_ALL"
"""Where it is set, a test that cannot run here has failed."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests with DCMTK's programs need them: skipped without, or failed where they are required."""
    if item.get_closest_marker("dcmtk") is None:
        return
    missing = [program for program in DCMTK if shutil.which(program) is None]
    if not missing:
        return
    words = f"DCMTK is missing ({', '.join(missing)}): apt-get install dcmtk"
    if os.environ.get(REQUIRED):
        pytest.fail(words, pytrace=False)
    pytest.skip(words)


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    """Machines that can lose their power; skipped where there are no network namespaces, or failed
    where they are required."""
    words = missing_network()
    if words and os.environ.get(REQUIRED):
        pytest.fail(words, pytrace=False)
    if words:
        pytest.skip(words)
    with Network() as made:
        yield made
