"""What holds for every test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.peers.network import Network
from tests.peers.network import missing as missing_network
from tests.peers.required import cannot_run

# A loaded machine makes an example slow, and not wrong.
settings.register_profile("broker", deadline=None)
settings.load_profile("broker")

DCMTK = ("dcmprscp", "dcmprscu", "dcmpsprt", "echoscu")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests with DCMTK's programs need them: skipped without, or failed where they are required."""
    if item.get_closest_marker("dcmtk") is None:
        return
    missing = [program for program in DCMTK if shutil.which(program) is None]
    if missing:
        cannot_run(f"DCMTK is missing ({', '.join(missing)}): apt-get install dcmtk")


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    """Machines that can lose their power; skipped where there are no network namespaces, or failed
    where they are required."""
    if words := missing_network():
        cannot_run(words)
    with Network() as made:
        yield made
