"""The API, asked at random from its own description (Schemathesis)."""

from __future__ import annotations

import importlib.util
import os

import pytest

from tests.cli.conftest import Site, site
from tests.peers.described_api import asked, seed
from tests.peers.required import cannot_run
from tests.web.served_page import served_page

__all__ = ["site"]

SECONDS = int(os.environ.get("BROKER_API_SECONDS", "60"))


@pytest.mark.timeout(SECONDS * 3 + 180)
def test_no_request_has_an_answer_that_is_not_described(site: Site) -> None:
    """No internal error, and no status, type or document that the description does not name; what
    the description forbids is refused."""
    if importlib.util.find_spec("schemathesis") is None:
        cannot_run("schemathesis is not installed: pip install '.[test]'")
    with served_page(site.folder) as served:
        seed(site, served)
        found = asked(served, site.folder, SECONDS)
        assert not found.faults, found.said[-6000:]
        assert [facts for event, facts in served.notes if event == "page failed"] == []
    assert "Test cases:" in found.said
