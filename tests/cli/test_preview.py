"""`broker jobs show ID --preview FILE` writes a film as it will lie on the sheet."""

from __future__ import annotations

import stat
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as pictures

from broker.model.films.film import Film, Image, ImageBox
from broker.preview.paper import compose
from broker.spool.files import Spool
from tests.cli.conftest import PATIENT, Site

SIDE = 64


def film_of(site: Site, content: bytes, kept: bool = True) -> Film:
    """A film of one image with these pixels, which are in the spool."""
    spool = Spool(site.folder / "broker-data" / "spool")
    incoming = spool.receive([content])
    if kept:
        spool.keep([incoming])
    spool.drop([incoming])
    image = Image(incoming.name, len(content), SIDE, SIDE, 8, 8, "MONOCHROME2")
    attributes = {"ImageDisplayFormat": (r"STANDARD\1,1",), "FilmSizeID": ("8INX10IN",)}
    return Film(attributes, (ImageBox(1, {}, image),))


def test_the_picture_is_the_sheet(site: Site, tmp_path: Path) -> None:
    """It is what an emulated printer of the same fineness would lay into its tray."""
    content = bytes(range(256)) * (SIDE * SIDE // 256)
    film = film_of(site, content)
    job = site.job(film=film)
    out = tmp_path / "film.png"

    said = site.broker("jobs", "show", str(job), "--preview", str(out))

    assert said.out == f"Film 1 of 1 of job {job} is in {out}.\n"
    with pictures.open(out) as found:
        assert found.size == (800, 1000)
        assert np.array_equal(np.asarray(found), np.asarray(compose(film, lambda _: content, 100)))
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert PATIENT not in said.out
    assert [path.name for path in tmp_path.glob("*film.png*")] == ["film.png"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("film.jpg",), 1, "film.jpg: pictures are PNG files; give it a name that ends in .png"),
        (("film.png", "--film", "2"), 1, "job 1 has no film 2: its films are 1 to 1"),
        (("film.png", "--json"), 2, "--preview writes a picture; use --json without it"),
        (("nowhere/film.png",), 1, "nowhere: there is no such folder; make it, or name another"),
    ],
)
def test_what_cannot_be_pictured_is_named(
    site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    words: str,
) -> None:
    """Each mistake is told with its remedy, and leaves no file."""
    monkeypatch.chdir(tmp_path)
    site.job(film=film_of(site, b"\x80" * SIDE * SIDE))

    said = site.broker("jobs", "show", "1", "--preview", *arguments)

    assert (said.code, said.out) == (code, "")
    assert words in " ".join(said.err.split())
    assert not list(tmp_path.rglob("*film.*"))


def test_pixels_that_are_gone_are_told(site: Site, tmp_path: Path) -> None:
    """The remedy is at the modality; an older picture stays as it was."""
    site.job(film=film_of(site, b"\x80" * SIDE * SIDE, kept=False))
    out = tmp_path / "film.png"
    out.write_bytes(b"older")

    said = site.broker("jobs", "show", "1", "--preview", str(out))

    assert said.code == 1
    assert "is missing; print it again at the modality" in " ".join(said.err.split())
    assert out.read_bytes() == b"older"
