"""The state of the whole above the tables, and what is said before the last printer goes."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time

import pytest

from broker.model.films.capabilities import Capability, Lesson, PrintObject, Trait
from broker.model.printers.health import Observation
from broker.model.printers.printer import Address, Duty, Health
from tests.cli.conftest import Site, running, site

__all__ = ["running", "site"]

SIZE = Trait(PrintObject.FILM_BOX, "FilmSizeID", "14INX17IN")
FORMAT = Trait(PrintObject.FILM_BOX, "ImageDisplayFormat", "STANDARD\\2,3")


def down(site: Site, *names: str) -> None:
    """Printers that cannot be reached."""
    for name in names:
        words = f"{name}: 10.0.0.1:104 could not be reached: No route to host"
        seen = Observation(Health.DOWN, words, 0, 3, time.time())
        site.printers.observe(name, lambda _, seen=seen: seen)


def above(out: str) -> str:
    """What stands above the table, in one line."""
    lines = out.splitlines()
    end = next(index for index, line in enumerate(lines) if line.split()[:1] in (["ID"], ["NAME"]))
    return " ".join(lines[:end])


@pytest.mark.usefixtures("running")
def test_all_is_well_in_one_line(site: Site) -> None:
    """The first line of both tables, and nothing else above them."""
    site.up("oki-1", "oki-2")
    site.job()
    for command in ("jobs", "printers"):
        out = site.broker(command).out
        assert above(out).startswith("Printing: all 2 printers take films. 1 job waits")
        assert len(out.splitlines()[0]) <= 80


@pytest.mark.usefixtures("running")
def test_one_of_two_is_down(site: Site) -> None:
    """Slower, with its name; what to do stands below its row."""
    site.up("oki-1")
    down(site, "oki-2")
    out = site.broker("printers").out
    assert above(out) == "Printing slower: 1 of 2 printers takes films; oki-2 is down."
    said = " ".join(out.split())
    assert (
        "Look whether the power is on at oki-2, then at the network cable and the address." in said
    )
    assert "Films go there by themselves then." in said


@pytest.mark.usefixtures("running")
def test_one_is_down_and_the_other_refuses_every_film_that_waits(site: Site) -> None:
    """It answers its checks, and nothing prints: both tables say so first, with what to do; its
    status is `refusing`; and `ready`, which is what a person says who has mended it, ends that."""
    site.up("oki-2")
    down(site, "oki-1")
    site.capabilities.learn(
        "oki-2", Capability(Lesson.REFUSES, SIZE, frozenset({SIZE, FORMAT}), 0x0106)
    )
    site.job()
    for command in ("jobs", "printers"):
        said = above(site.broker(command).out)
        assert said.startswith("NOTHING PRINTS since ")
        assert "oki-1 is down, oki-2 refuses every film; films are kept. 1 job waits" in said
        assert "Look whether the power is on at oki-1" in said
        assert "`broker printers ready oki-2`: what it refused is forgotten." in said
    lines = site.broker("printers").out.splitlines()
    (row,) = [line for line in lines if line.startswith("oki-2 ")]
    assert "refusing" in row
    _, second = json.loads(site.broker("printers", "--json").out)
    assert second["health"] == "up"
    assert second["refusing"].startswith("refuses every film")
    assert second["causes"] == ["refuses every film"]
    assert "`broker printers ready oki-2`" in second["remedies"][0]
    assert "refusing" in site.broker("printers", "show", "oki-2").out

    site.broker("printers", "ready", "oki-2")

    assert above(site.broker("printers").out).startswith("Printing slower")


@pytest.mark.usefixtures("running")
def test_films_are_refused_and_why(site: Site) -> None:
    """A disk below its floor: said once, with the folder and what to do, and that what was accepted
    prints on; and where nothing prints besides, that, too."""
    site.up("oki-1", "oki-2")
    site.file.write_text(site.file.read_text() + "[retention]\nfloor_mb = 10000000\n")
    for command in ("jobs", "printers"):
        said = " ".join(site.broker(command).out.split())
        assert said.startswith("FILMS ARE REFUSED: the disk is nearly full: ")
        assert "; what was accepted prints on." in said
        assert f"Make room in the file system of {site.folder / 'broker-data'}" in said
        assert said.count("nearly full") == 1
    down(site, "oki-1", "oki-2")
    said = above(site.broker("printers").out)
    assert said.startswith("FILMS ARE REFUSED: the disk is nearly full: ")
    assert "; and nothing prints since " in said


@pytest.mark.usefixtures("running")
def test_held_jobs_have_their_remedy_once_for_each_cause(site: Site) -> None:
    """Twenty uncertain jobs: one sentence below the table, with what to type; each job's own page
    names its number."""
    site.up("oki-1")
    held = [site.uncertain() for _ in range(20)]
    out = site.broker("jobs").out
    said = " ".join(out.split())
    assert said.count("Look in the tray of oki-1") == 1
    assert "Jobs 1, 2, 3, 4, 5, and 15 more (uncertain): Look in the tray" in said
    assert "`broker jobs release ID --printed`" in said
    one = " ".join(site.broker("jobs", "show", str(held[0])).out.split())
    assert f"`broker jobs release {held[0]} --printed`" in one
    first, *_ = json.loads(site.broker("jobs", "--json").out)
    assert first["cause"] == "uncertain"
    assert f"`broker jobs release {held[0]}" in first["remedy"]


@pytest.mark.usefixtures("running")
def test_forty_printers_with_one_cause_have_one_remedy(site: Site) -> None:
    """Below the first of them, with how many there are; first comes what they share."""
    names = [f"oki-{number}" for number in range(1, 41)]
    site.printers.sync([Address(name, "OKI", "10.0.0.1", 104) for name in names])
    down(site, *names)
    said = " ".join(site.broker("printers").out.split())
    assert "NOTHING PRINTS" in said
    assert "40 printers are down" in said
    # Above the table, in it, and once more below, as it is long.
    assert said.count("Look whether the power is on at each of oki-1 and 39 more") == 3
    assert said.count("Look whether") == 3
    assert "No printer can be reached: look first at the network of the broker's own" in said


@pytest.mark.parametrize("verb", ["drain", "maint", "halt"])
def test_the_last_printer_is_named_before_it_is_taken_out(site: Site, verb: str) -> None:
    """A script is told, and not kept waiting; of the first of two nothing is said."""
    site.up("oki-1", "oki-2")
    first = site.broker("printers", verb, "oki-1")
    assert (first.code, first.err) == (0, "")
    last = site.broker("printers", verb, "oki-2")
    assert last.code == 0
    said = " ".join(last.err.split())
    assert said.startswith("oki-2 is the last printer that takes films (oki-1 is in ")
    assert said.endswith("NOTHING PRINTS then. Films are kept.")
    assert site.printers.get("oki-2").duty is not Duty.READY


@pytest.mark.parametrize(
    ("options", "answer", "code", "duty"),
    [
        ([], b"n\n", 1, Duty.READY),
        ([], b"y\n", 0, Duty.DRAIN),
        (["--yes"], b"", 0, Duty.DRAIN),
    ],
)
def test_a_person_is_asked_before_the_last_printer_is_taken_out(
    site: Site, options: list[str], answer: bytes, code: int, duty: Duty
) -> None:
    """On a terminal, unless --yes."""
    site.up("oki-1")
    site.printers.set_duty("oki-2", Duty.MAINT)
    main, child = pty.openpty()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "broker.cli.main"),
            *("printers", "drain", "oki-1", *options, "-c", str(site.file)),
        ],
        stdin=child,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"COLUMNS": "80"},
    )
    os.close(child)
    os.write(main, answer)
    _, said = process.communicate(timeout=60)
    os.close(main)
    assert b"last printer that takes films" in said
    assert (process.returncode, b"Go on?" in said) == (code, bool(answer))
    assert (b"nothing was changed" in said) == (code == 1)
    assert site.printers.get("oki-1").duty is duty
