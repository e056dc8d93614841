"""Kinds of refusals."""

from __future__ import annotations

from broker.model.peers.refusal import Refusal


def test_kinds_are_short() -> None:
    """They fit into the column that they are counted in, and read well beside a number."""
    assert max(len(each) for each in Refusal) <= 32
