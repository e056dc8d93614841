"""A number of seconds as it is told."""

from __future__ import annotations

import pytest

from broker.model.seconds import seconds_told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (4.98738, "5 s"),
        (0.31, "0.3 s"),
        (2.25, "2.2 s"),
        (360.0, "360 s"),
        (86400.04, "86400 s"),
        (0.0499, "0.1 s"),
        (1234567.0, "1234567 s"),
    ],
)
def test_seconds_have_one_decimal_at_most(seconds: float, told: str) -> None:
    """What a person reads is no measurement."""
    assert seconds_told(seconds) == told
