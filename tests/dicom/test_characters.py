"""A patient's name reads as it was written, and is never an error."""

from __future__ import annotations

import pytest

from broker.dicom.characters import readable


def _sent(label: bytes, *terms: str) -> dict[str, tuple[str, ...]]:
    """A film session as the broker keeps it: bytes as Latin-1."""
    found = {"FilmSessionLabel": (label.decode("latin-1"),), "MediumType": ("PAPER",)}
    return {**found, "SpecificCharacterSet": terms} if terms else found


@pytest.mark.parametrize(
    ("label", "terms", "shown"),
    [
        ("Müller".encode("latin-1"), (), "Müller"),
        ("Müller".encode("latin-1"), ("ISO_IR 100",), "Müller"),
        ("Łoś".encode(), ("ISO_IR 192",), "Łoś"),
        ("Иванов".encode("iso8859_5"), ("ISO_IR 144",), "Иванов"),
        ("王小东".encode("gb18030"), ("GB18030",), "王小东"),
        (b"Yamada \x1b$B;3ED\x1b(B", ("", "ISO 2022 IR 87"), "Yamada 山田"),
        ("Müller".encode("latin-1"), ("ISO_IR 999",), "Müller"),
    ],
)
def test_labels_are_decoded_as_declared(label: bytes, terms: tuple[str, ...], shown: str) -> None:
    """By one character set, by several with escapes, and as Latin-1 where none is known."""
    found = readable(_sent(label, *terms))

    assert found["FilmSessionLabel"] == (shown,)
    assert found["MediumType"] == ("PAPER",)


def test_bytes_of_another_character_set_are_no_error() -> None:
    """After a wrong declaration the label is shown as if there were none."""
    with pytest.warns(UserWarning, match="Failed to decode"):
        found = readable(_sent("Müller".encode("latin-1"), "ISO_IR 192"))
    assert found["FilmSessionLabel"] == ("Müller",)
