"""A test that cannot run here is no passed test."""

from __future__ import annotations

import pytest

from tests.peers.required import REQUIRED, cannot_run


def test_what_is_missing_fails_where_everything_is_required(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Skipped elsewhere; both say what is missing."""
    monkeypatch.setenv(REQUIRED, "1")
    with pytest.raises(pytest.fail.Exception, match="HAProxy is missing"):
        cannot_run("HAProxy is missing")
    monkeypatch.delenv(REQUIRED)
    with pytest.raises(pytest.skip.Exception, match="HAProxy is missing"):
        cannot_run("HAProxy is missing")
