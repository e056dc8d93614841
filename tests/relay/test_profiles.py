"""Kinds of film on DCMTK's printer profiles: what prints directly prints through the broker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench import profiles
from tests.peers.asking import Told, ask
from tests.peers.beside_direct import Twins, Verdict, twins
from tests.peers.film_kinds import Kind, in_all_forms, kinds
from tests.peers.printer_profiles import AE_TITLE, PROFILES, missing, profile
from tests.peers.required import cannot_run

pytestmark = pytest.mark.dcmtk

LEFT_OUT = (
    "Presentation LUT offered",
    "the first with a table",
    "with IDENTITY, two film boxes, one by one",
)
"""A film that has no Presentation LUT goes to its printer on an association that offers none, even
where its modality offered it: without the lighting, and without the printer's own default LUT."""


@pytest.fixture(autouse=True)
def _printers_cfg() -> None:
    if lacking := missing():
        cannot_run(f"missing: {', '.join(lacking)}")


@pytest.mark.parametrize("name", PROFILES)
def test_what_prints_directly_prints_through_the_broker(tmp_path: Path, name: str) -> None:
    """The printer is asked for the same and keeps the same; what it refuses directly and the
    broker prints all the same says what the printer was not asked for."""
    keys = profile(name)
    wanted = [each for each in in_all_forms(kinds(keys)) if _tells(each)]

    with twins(tmp_path, keys) as both:
        found = {str(kind): both.print(kind) for kind in wanted}

    verdicts = Counter(each.verdict for each in found.values())
    different = {
        kind: each.words for kind, each in found.items() if each.verdict is Verdict.DIFFERENT
    }
    assert different == {}
    assert verdicts[Verdict.EQUAL] > 15
    assert verdicts[Verdict.ADAPTED] > 15


@pytest.mark.parametrize("name", PROFILES)
def test_what_is_refused_directly_is_refused_at_the_console(tmp_path: Path, name: str) -> None:
    """With the printer's own status, once it is known; what can be adapted prints."""
    keys = profile(name)
    wanted = [each for each in in_all_forms(kinds(keys)) if each.name.startswith("12 bit, ")]

    with twins(tmp_path, keys) as both:
        held = [kind for kind in wanted if both.print(kind).verdict is Verdict.HELD]
        again = {str(kind): both.print(kind) for kind in held}

    others = {
        kind: (str(each.direct), each.words)
        for kind, each in again.items()
        if each.verdict is not Verdict.REFUSED or each.console.status != each.direct.status
    }
    assert len(held) >= 5
    assert {kind: said for kind, said in others.items() if "other depth" not in kind} == {}


def _tells(kind: Kind) -> bool:
    """All with 12 bits; with 8, and with a LUT, where that makes a difference to a printer. The
    bench prints all."""
    if any(words in kind.name for words in LEFT_OUT):
        return False
    return kind.name.startswith("12 bit, ") or "plain" in kind.name or "film box" in kind.name


PLAIN = Kind("plain")


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (replace(PLAIN, session={"PrintPriority": "HIGH"}), "film session: "),
        (replace(PLAIN, box={"Trim": "YES"}), "film_box: "),
        (replace(PLAIN, image={"Polarity": "REVERSE"}), "images: "),
        (replace(PLAIN, bits=8), "images: "),
        (replace(PLAIN, films=2), "2 films instead of 1"),
    ],
)
def test_a_difference_is_seen(tmp_path: Path, other: Kind, words: str) -> None:
    """Of what was asked of the film session, of film box, image box, pixels and number."""
    with twins(tmp_path, profile("IHEFULL")) as both:
        found = both.compare(_asks(both, PLAIN), _asks(both, other, through=True))

    assert found.verdict is Verdict.DIFFERENT
    assert words in found.words


def test_what_is_printed_without_a_word_is_seen(tmp_path: Path) -> None:
    """A film that is refused directly, and comes out without what its modality asked for."""
    size = replace(PLAIN, box={"FilmSizeID": "A3"})
    with twins(tmp_path, profile("IHEFULL")) as both:
        found = both.compare(
            _asks(both, size), _asks(both, PLAIN, through=True), lambda _: ["FilmSizeID"]
        )

    assert found.verdict is Verdict.DIFFERENT
    assert "FilmSizeID" in found.words


def test_a_film_that_is_held_both_times_is_not_right() -> None:
    """The bench tells it, with both words; one that prints is right."""
    told: list[str] = []

    found = profiles.measure(
        ["MERGE_APS"], lambda kind: kind.name in ("12 bit, plain", "12 bit, ROW\\2"), told.append
    )

    assert [(each.kind, each.verdict in profiles.RIGHT) for each in found][:1] == [
        ("12 bit, plain", True)
    ]
    assert found[1].right == (found[1].second.verdict is Verdict.REFUSED)
    assert told == ["MERGE_APS, first time"] * 2 + ["MERGE_APS, second time"] * 2


def _asks(both: Twins, kind: Kind, *, through: bool = False) -> Callable[[], Told]:
    if through:
        return lambda: ask(both.relay.service.port, "BROKER", kind, 1)
    return lambda: ask(both.straight_port, AE_TITLE, kind, 1)
