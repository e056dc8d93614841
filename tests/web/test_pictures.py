"""Pictures of films: drawn by a process of their own, right beside DCMTK's, and gone in time."""

from __future__ import annotations

import asyncio
import io
import itertools
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as pillow

from broker.config.file import load
from broker.emulator.modality import Modality
from broker.model.films.film import Film, Image, ImageBox, PresentationLut
from broker.model.jobs.job import Level, PrintRequest
from broker.operations.opened import Store, store_of
from broker.spool.stored import name_of
from broker.store.queue.retention import Terms
from broker.web import pictures as pictures_module
from broker.web.pictures import NoPicture, Pictures
from tests.peers.broker_process import BrokerProcess
from tests.peers.dcmtk import dcmprscp, program
from tests.web.browser import Browser
from tests.web.print_room import PrintRoom, film
from tests.web.served_page import form, served_page

SIDE = 160
Gray = NDArray[np.int16]


def add(store: Store, made: Film, pixels: dict[str, bytes], *, times: int = 1) -> int:
    """Put a film into the store, as the relay does, `times` times in one job; its number."""
    spool = store.spool()
    received = [spool.receive([content]) for content in pixels.values()]
    spool.keep(received)
    spool.drop(received)
    request = PrintRequest(
        calling_ae="CT1",
        called_ae="BROKER",
        peer="10.0.0.9:4000",
        film_session="1",
        level=Level.FILM_BOX,
        session={},
        films=(made,) * times,
    )
    return store.submission.add(request)


def png(pictures: Pictures, job_id: int, number: int, width: int) -> bytes:
    """The picture, waited for."""
    return asyncio.run(pictures.png(job_id, number, width))


def gray(png: bytes) -> Gray:
    """The gray levels of a picture."""
    return np.asarray(pillow.open(io.BytesIO(png)).convert("L"), np.int16)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty one."""
    (tmp_path / "broker.toml").write_text('[broker]\ndata_dir = "data"\n')
    (tmp_path / "data").mkdir()
    with store_of(load(tmp_path / "broker.toml"), make=True) as opened:
        yield opened


def test_it_has_the_width_that_was_asked_for(store: Store) -> None:
    """Thumbnail and full size show the same film, in its shape: 8 by 10 inches."""
    job_id = add(store, *film(40, 200, None))
    for width in (160, 800):
        shown = gray(png(Pictures(store), job_id, 1, width))
        assert shown.shape == (round(width * 1.25), width)
        middle = shown[:, width // 2]
        sixth = len(middle) // 6
        assert [int(middle[place * sixth]) for place in (1, 3, 5)] == [40, 200, 255]


def test_what_is_not_there_is_said(store: Store) -> None:
    """No such film; pixels that are missing; pixels that were removed: each with what to do."""
    made, pixels = film(40)
    job_id = add(store, made, pixels)
    drawn = Pictures(store)
    with pytest.raises(NoPicture) as raised:
        png(drawn, job_id, 2, 160)
    assert "has no film 2: its films are 1 to 1" in raised.value.words
    png(drawn, job_id, 1, 160)
    assert drawn.size > 0
    (name,) = pixels
    (store.config.data_dir / "spool" / name[:2] / name).unlink()
    with pytest.raises(NoPicture) as raised:
        png(drawn, job_id, 1, 170)
    assert "is missing" in raised.value.words
    assert "print it again at the modality" in raised.value.words
    store.commands.cancel(job_id)
    later = time.time() + 1
    store.retention.remove(Terms(later, 0))
    with pytest.raises(NoPicture) as raised:
        png(drawn, job_id, 1, 160)
    assert "removed" in raised.value.words
    assert drawn.size == 0, "a film whose pixels were dropped stays nowhere"


def test_a_process_that_hangs_or_dies_is_no_hang(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A request that waits for a picture hears why there is none, and the next one is drawn."""
    job_id = add(store, *film(40))
    drawn = Pictures(store, patience_s=0.5)
    other = tmp_path / "python"
    for body, words in (("exec sleep 60", "longer than 0.5 s"), ("kill -9 $$", "code -9")):
        other.write_text(f"#!/bin/sh\n{body}\n")
        other.chmod(0o700)
        with monkeypatch.context() as changed:
            changed.setattr(sys, "executable", str(other))
            with pytest.raises(NoPicture, match=words):
                png(drawn, job_id, 1, 160)
    assert png(Pictures(store), job_id, 1, 160).startswith(b"\x89PNG")


def test_pictures_that_take_long_keep_no_page_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More of them than the page makes pages at one time: a page is answered all the while, and
    one more picture than may wait is told to come again.
    """
    drawing = tmp_path / "drawing"
    drawing.touch()
    other = tmp_path / "python"
    other.write_text(f"#!/bin/sh\nwhile [ -e {drawing} ]; do sleep 0.05; done\nexit 3\n")
    other.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(other))
    monkeypatch.setattr(pictures_module, "WAITING", 12)
    with served_page(tmp_path) as served, ThreadPoolExecutor(16) as pool:
        job_id = add(served.store, *film(40))

        def ask(width: int) -> int:
            url = f"{served.url}/jobs/{job_id}/films/1.png?width={width}"
            return httpx.get(url, timeout=60).status_code

        asked = [pool.submit(ask, width) for width in range(160, 176)]
        refused = {each.result() for each in itertools.islice(as_completed(asked), 4)}
        assert httpx.get(served.url, timeout=30).status_code == 200
        drawing.unlink()
        drawn = [each.result() for each in asked]
    assert refused == {503}
    assert (drawn.count(503), drawn.count(404)) == (4, 12)


def test_only_so_many_are_kept(store: Store) -> None:
    """The oldest go first; what was just drawn stays."""
    job_id = add(store, *film(40))
    drawn = Pictures(store, kept=3000)
    sizes = [len(png(drawn, job_id, 1, width)) for width in range(160, 200, 4)]
    assert sum(sizes) > 3000
    assert drawn.size <= 3000


def test_the_page_shows_the_film(room: PrintRoom, browser: Browser) -> None:
    """On the job's page: three grays in three places, the fourth empty, as they were sent; full
    size behind it; patient and attributes beside it.
    """
    room.print(20, 120, 220, None)
    room.process.wait_for("job sent")
    browser.go(f"{room.url}/jobs/1")
    browser.wait(".film img")
    shown = gray(browser.picture(".film img"))
    places = [int(shown[len(shown) * place // 8, shown.shape[1] // 2]) for place in (1, 3, 5, 7)]
    assert np.abs(np.subtract(places, [20, 120, 220, 255])).max() <= 1
    assert "Synthetic" in browser.text("main")
    browser.keep("job-desktop")
    assert not browser.complaints()
    browser.go(browser.run("return document.querySelector('.film a').href"))
    assert browser.run("return document.querySelector('img').naturalWidth") == 1400


def test_a_job_of_many_films_has_pages(room: PrintRoom) -> None:
    """Two hundred films at a time, and links to the others."""
    made, _ = film(None)
    with store_of(load(room.config)) as store:
        room.broker("printers", "maint", "oki-1")
        room.broker("printers", "maint", "oki-2")
        job_id = add(store, made, {}, times=401)
    with httpx.Client(base_url=room.url) as client:
        page = client.get(f"/jobs/{job_id}", params={"first": 201})
        shown = page.text
        assert ('id="film-201"' in shown, 'id="film-400"' in shown) == (True, True)
        assert ('id="film-200"' in shown, 'id="film-401"' in shown) == (False, False)
        assert '<span aria-current="page">201 to 400</span>' in shown
        assert f'<a href="/jobs/{job_id}?first=401#films">401 to 401</a>' in shown
        answers = [
            client.post(
                f"/jobs/{job_id}/commands",
                data=form(client.get(f"/jobs/{job_id}").text, f"/jobs/{job_id}/commands")
                | {"command": command, "confirmed": "1"},
                headers={"referer": came_from, "origin": room.url},
            )
            for command, came_from in (("hold", str(page.url)), ("release", "http://["))
        ]
    assert [(each.status_code, each.headers["location"]) for each in answers] == [
        (303, f"/jobs/{job_id}?first=201"),
        (303, "/"),
    ], "a command leads back to the page that sent it"


def test_damaged_or_enormous_pixels_have_no_picture(store: Store) -> None:
    """What was altered is not shown as what it was; what takes a gigabyte takes none of it."""
    made, pixels = film(40)
    job_id = add(store, made, pixels)
    (name,) = pixels
    file = store.config.data_dir / "spool" / name[:2] / name
    file.write_bytes(bytes(len(pixels[name])))
    with pytest.raises(NoPicture, match="was altered: its content is not what it was"):
        png(Pictures(store), job_id, 1, 160)
    box = made.image_boxes[0]
    assert box.image is not None
    with file.open("wb") as sparse:
        sparse.truncate(2 << 30)
    huge = replace(box.image, length=2 << 30, rows=1 << 16, columns=1 << 15)
    huge_id = add(store, replace(made, image_boxes=(replace(box, image=huge),)), {})
    with pytest.raises(NoPicture, match="too large to be drawn here"):
        png(Pictures(store), huge_id, 1, 160)


def smooth(
    bits: int, photometric: str, polarity: str, lut: PresentationLut | None
) -> tuple[Film, dict[str, bytes]]:
    """A film of one image: gray levels rise to the right and fall downwards, and none is white."""
    down, right = np.mgrid[0:SIDE, 0:SIDE] / (SIDE - 1)
    part = 0.1 + 0.75 * (0.6 * right + 0.4 * (1 - down))
    if (photometric == "MONOCHROME1") != (polarity == "REVERSE"):
        part = 1 - part
    values = np.rint(part * ((1 << bits) - 1))
    content = values.astype("<u2" if bits > 8 else "u1").tobytes()
    name = name_of(content)
    image = Image(name, len(content), SIDE, SIDE, 16 if bits > 8 else 8, bits, photometric)
    box = ImageBox(1, {"Polarity": (polarity,)}, image)
    attributes = {
        "ImageDisplayFormat": (r"STANDARD\1,1",),
        "FilmSizeID": ("8INX10IN",),
        "FilmOrientation": ("PORTRAIT",),
        "MagnificationType": ("BILINEAR",),
        "BorderDensity": ("WHITE",),
    }
    return Film(attributes, (box,), lut), {name: content}


@pytest.mark.dcmtk
@pytest.mark.parametrize("bits", [8, 12])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("polarity", ["NORMAL", "REVERSE"])
def test_it_is_what_dcmtk_draws(tmp_path: Path, bits: int, photometric: str, polarity: str) -> None:
    """The image that dcmprscp stored of the same job, drawn by dcm2pnm, at most two gray levels
    apart anywhere: both round to 8 bits, before and after enlarging. dcm2pnm draws an image
    without its film, so polarity, which is the film's, is turned by hand.
    """
    made, pixels = smooth(bits, photometric, polarity, None)
    config = tmp_path / "broker.toml"
    with dcmprscp(tmp_path / "printer") as port:
        config.write_text(
            '[broker]\nhost = "127.0.0.1"\nport = 0\n[health]\ninterval_s = 0.2\n'
            '[[printers]]\nname = "oki-1"\nae_title = "IHEFULL"\nhost = "127.0.0.1"\n'
            f"port = {port}\n"
        )
        with BrokerProcess(config) as broker:
            Modality("CT1").print("127.0.0.1", broker.port, "BROKER", [made], pixels.__getitem__)
            broker.wait_for("job sent", job=1)
            assert broker.end() == 0
    (stored,) = (tmp_path / "printer" / "database").glob("HG_*")
    drawn = tmp_path / "theirs.pgm"
    subprocess.run([program("dcm2pnm"), "--write-raw-pnm", stored, drawn], check=True)
    theirs = pillow.open(drawn).convert("L")
    if polarity == "REVERSE":
        theirs = theirs.point(lambda level: 255 - level)
    with store_of(load(config), make=True) as opened:
        ours = gray(asyncio.run(Pictures(opened).png(1, 1, 800)))
    down, right = np.nonzero(ours < 250)
    image = ours[down.min() : down.max() + 1, right.min() : right.max() + 1]
    assert image.shape[0] == image.shape[1] >= 700
    size = (image.shape[1], image.shape[0])
    apart = np.abs(image - np.asarray(theirs.resize(size, pillow.Resampling.BILINEAR), np.int16))
    assert apart.max() <= 2
    assert apart.mean() <= 0.75


def test_a_presentation_lut_is_seen(store: Store) -> None:
    """A table that turns gray levels around draws the picture that reversed polarity draws."""
    made, pixels = smooth(12, "MONOCHROME2", "NORMAL", None)
    entries = np.rint(np.linspace(4095, 0, 4096)).astype("<u2").tobytes()
    table = PresentationLut(descriptor=(4096, 0, 12), table=entries)
    box = replace(made.image_boxes[0], attributes={"Polarity": ("REVERSE",)})
    numbers = [
        add(store, replace(made, lut=table), pixels),
        add(store, replace(made, image_boxes=(box,)), pixels),
    ]
    turned, reversed_ = (gray(png(Pictures(store), each, 1, 400)) for each in numbers)
    assert np.abs(turned - reversed_).max() <= 1
