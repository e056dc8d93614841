"""The names of pixels stay what they are: films that wait are found by them."""

from __future__ import annotations

import pytest

from broker.spool.stored import Hash, name_of


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"", "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"),
        (
            bytes(range(251)) * 4 + bytes(range(20)),
            "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7",
        ),
    ],
)
def test_names_are_those_of_the_hash(content: bytes, name: str) -> None:
    """As its authors publish them, of 0 and 1024 bytes; in pieces as at once."""
    digest = Hash()
    for at in range(0, len(content), 100):
        digest.update(content[at : at + 100])

    assert name_of(content) == digest.hexdigest() == name
