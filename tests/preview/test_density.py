"""Optical density, P-values and gray levels."""

from __future__ import annotations

import numpy as np
import pytest

from broker.model.films.film import Image, PresentationLut
from broker.preview import density


def image(bits: int = 8, photometric: str = "MONOCHROME2") -> Image:
    """An image of that depth; its pixels do not matter here."""
    allocated = 8 if bits == 8 else 16
    return Image("", 0, 1, 1, allocated, bits, photometric)


def table(entries: int, bits: int, curve: list[int]) -> PresentationLut:
    """A LUT with these entries."""
    content = np.array(curve, "<u2").tobytes()
    return PresentationLut(descriptor=(entries, 0, bits), table=content)


def test_paper_and_toner_are_the_ends_of_the_scale() -> None:
    """Bare paper is 255, the darkest toner 0, and nothing is lighter or darker than these."""
    assert [density.gray(each) for each in (0, 200, 250)] == [255, 0, 0]


def test_gray_follows_the_standard_display_function() -> None:
    """Density 1.00 on paper of 150 cd/m2 is at 15 cd/m2: JND 254.5 between 89.5 and 531.7."""
    jnd = [density.jnd(luminance) for luminance in (150.0, 15.0, 1.5)]
    expected = 255 * (jnd[1] - jnd[2]) / (jnd[0] - jnd[2])
    assert jnd == pytest.approx([531.7, 254.5, 89.5], abs=0.1)
    assert density.gray(100) == pytest.approx(expected)
    # PS3.14 table B-1: JND index 1 is 0.0500 cd/m2, 1023 is 3993.4040 cd/m2.
    assert density.jnd(0.0500) == pytest.approx(1, abs=0.1)
    assert density.jnd(3993.4040) == pytest.approx(1023, abs=0.1)


@pytest.mark.parametrize(
    ("word", "expected"),
    [("BLACK", 0), ("WHITE", 255), ("0", 255), ("300", 0), ("", 99), ("GREY", 99), ("-5", 99)],
)
def test_a_density_word_becomes_a_gray_level(word: str, expected: int) -> None:
    """BLACK, WHITE and 1/100 OD are known; anything else is the printer's default."""
    assert density.level(word, default=99) == expected


def test_without_a_lut_values_are_printed_as_they_are() -> None:
    """8 bits go through unchanged; 12 bits lose only what 8 bits cannot show."""
    assert density.levels(image(8), {}, None).tolist() == list(range(256))
    twelve = density.levels(image(12), {}, None)
    assert [twelve[0], twelve[2048], twelve[4095]] == [0, 128, 255]


def test_bits_above_the_stored_ones_do_not_count() -> None:
    """A 12-bit value with rubbish in its upper 4 bits looks like the value alone."""
    levels = density.levels(image(12), {}, None)
    assert levels[0xF000 | 0x800] == levels[0x800]


@pytest.mark.parametrize(
    ("photometric", "polarity", "lightest"),
    [
        ("MONOCHROME2", "NORMAL", 255),
        ("MONOCHROME2", "REVERSE", 0),
        ("MONOCHROME1", "NORMAL", 0),
        ("MONOCHROME1", "REVERSE", 255),
    ],
)
def test_polarity_and_photometric_interpretation_say_what_is_light(
    photometric: str, polarity: str, lightest: int
) -> None:
    """REVERSE turns round whatever the Photometric Interpretation says."""
    levels = density.levels(image(8, photometric), {"Polarity": (polarity,)}, None)
    assert [levels[lightest], levels[255 - lightest]] == [255, 0]


def test_min_and_max_density_bound_the_grays() -> None:
    """The darkest value is printed with Max Density, the lightest with Min Density."""
    asked = {"MinDensity": ("20",), "MaxDensity": ("150",)}
    levels = density.levels(image(8), asked, None)
    assert [levels[0], levels[255]] == [round(density.gray(150)), round(density.gray(20))]


@pytest.mark.parametrize(
    "asked",
    [
        {"MinDensity": ("0",), "MaxDensity": ("0",)},
        {"MinDensity": ("200",), "MaxDensity": ("20",)},
        {"MaxDensity": ("0",)},
    ],
)
def test_densities_without_a_range_are_the_papers_own(asked: dict[str, tuple[str, ...]]) -> None:
    """A sheet that is white, or black, all over would show no image."""
    made = density.levels(image(), asked, None)
    assert (made == density.levels(image(), {}, None)).all()


def test_identity_changes_nothing() -> None:
    """Presentation LUT Shape IDENTITY: the values are P-values already."""
    plain = density.levels(image(12), {}, None)
    identity = density.levels(image(12), {}, PresentationLut(shape="IDENTITY"))
    assert identity.tolist() == plain.tolist()


def test_lin_od_is_even_in_density() -> None:
    """Presentation LUT Shape LIN OD: the value halfway has the density halfway, dark stays dark."""
    asked = {"MinDensity": ("0",), "MaxDensity": ("204",)}
    levels = density.levels(image(8), {**asked, "MaxDensity": ("200",)}, None)
    lin_od = density.levels(image(8), asked, PresentationLut(shape="LIN OD"))
    assert [lin_od[0], lin_od[255]] == [0, 255]
    assert lin_od[51] == round(density.gray(200 * (1 - 51 / 255)))
    assert lin_od[128] < levels[128]


def test_a_table_makes_p_values_of_pixel_values() -> None:
    """An entry at its largest is white, at 0 black, whatever the entries' depth."""
    curve = [0] * 100 + [1023] * 156
    levels = density.levels(image(8), {}, table(256, 10, curve))
    assert [levels[99], levels[100]] == [0, 255]


def test_polarity_comes_before_the_table() -> None:
    """The LUT gets the values that polarity has turned round (PS3.4 H.2.1.2)."""
    curve = [0] * 100 + [1023] * 156
    reverse = {"Polarity": ("REVERSE",)}
    levels = density.levels(image(8), reverse, table(256, 10, curve))
    assert [levels[255 - 99], levels[255 - 100]] == [0, 255]


def test_a_table_for_the_other_depth_is_stretched() -> None:
    """A table of 4096 entries works on 8 bits, and one of 256 on 12 bits."""
    half = [0] * 2048 + [4095] * 2048
    eight = density.levels(image(8), {}, table(4096, 12, half))
    assert [eight[127], eight[128]] == [0, 255]
    twelve = density.levels(image(12), {}, table(256, 12, half[1920:2176]))
    assert [twelve[2047], twelve[2064]] == [0, 255]
