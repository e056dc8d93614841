"""What was refused, as the faces show it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from broker.config.file import load
from broker.model.peers.caller import Caller
from broker.model.peers.refusal import Refusal
from broker.operations.condition.refusals import (
    IN_SHORT,
    ON_PAGE,
    in_short,
    name_of,
    refused_lately,
    remedy_on_page,
    title_of,
)
from broker.operations.opened import Store, store_of
from broker.store.refusals import OTHERS, CountedOfCaller, RefusedCaller
from tests.cli.conftest import Site, site

__all__ = ["site"]

CT, MR = Caller("CT1", "10.0.0.9"), Caller("MR1", "10.0.0.8")


@pytest.fixture
def store(site: Site) -> Iterator[Store]:
    """The site's, as the page opens it."""
    with store_of(load(site.file)) as opened:
        yield opened


def _refuse(store: Store, at: float, kind: Refusal, caller: Caller) -> None:
    store.refusals.add({}, {(kind, caller): CountedOfCaller(1, at, at, "why")})


def test_the_last_hour_is_told_in_a_line(store: Store) -> None:
    """Callers with why in words, each once, the latest first; how long ago the last was."""
    assert refused_lately(store, 5000.0) is None
    _refuse(store, 1000.0, Refusal.CALLED_AE, CT)
    assert refused_lately(store, 5000.0) is None
    _refuse(store, 2000.0, Refusal.CALLED_AE, MR)
    _refuse(store, 2500.0, Refusal.WRONG_REQUEST, MR)
    _refuse(store, 2200.0, Refusal.WRONG_REQUEST, OTHERS)
    found = refused_lately(store, 5000.0)
    assert found is not None
    assert found.who == (
        "MR1 at 10.0.0.8 (asked for what is wrong or not offered), "
        "others (asked for what is wrong or not offered)"
    )
    assert found.last_at == 2500.0
    assert ", the last 41m ago. `broker refusals`" in found.sentence(5000.0)


def test_three_that_are_refused_are_named(store: Store) -> None:
    """One that printed before and not since is the first, however lately others were refused."""
    store.refusals.add({}, {}, {CT: 4000.0})
    _refuse(store, 4100.0, Refusal.CALLED_AE, CT)
    for number in range(3):
        _refuse(store, 4200.0 + number, Refusal.NO_PRINTER, Caller(f"US{number}", "10.0.0.7"))
    found = refused_lately(store, 5000.0)
    assert found is not None
    assert found.who == (
        "CT1 at 10.0.0.9 (called a wrong AE title), US2 at 10.0.0.7 (no printer takes it), "
        "US1 at 10.0.0.7 (no printer takes it), and 1 more"
    )
    assert found.last_at == 4202.0


@pytest.mark.parametrize("kind", Refusal)
def test_each_kind_has_some_words(kind: Refusal) -> None:
    """For the line above the overview, as the heading of the page, and no other kind's."""
    words = in_short(kind)
    assert 5 < len(words) <= 40
    assert list(IN_SHORT.values()).count(words) == 1
    assert in_short("of another version") == "of another version"


def test_the_right_ae_title_is_told() -> None:
    """To those that called another one, with the further ones that are taken."""
    words = remedy_on_page("called AE", ("BROKER", "OLD"))
    assert words.startswith("The broker is BROKER and OLD. The modality calls another")
    assert "BROKER" not in remedy_on_page("silent", ("BROKER",))


def test_what_a_port_scanner_meets_is_not_told_there(store: Store) -> None:
    """Nor the checks of a balancer; unless they come from where a modality has printed before and
    speaks no DICOM now: it may have been given a wrong port."""
    store.refusals.add({}, {}, {CT: 4000.0})
    for address in ("10.0.0.7", "10.0.0.9"):
        _refuse(store, 4500.0, Refusal.SILENT, Caller("", address))
    _refuse(store, 4500.0, Refusal.NOT_DICOM, Caller("", "10.0.0.7"))
    assert refused_lately(store, 5000.0) is None
    _refuse(store, 4501.0, Refusal.NOT_DICOM, Caller("", "10.0.0.9"))
    found = refused_lately(store, 5000.0)
    assert found is not None
    assert found.who == "10.0.0.9 (spoke no DICOM)"
    assert ": 10.0.0.9 (spoke no DICOM), 8m ago." in found.sentence(5000.0)


@pytest.mark.parametrize(
    ("kind", "caller", "called_ae", "name", "title"),
    [
        ("wrong request", CT, "BROKER", "CT1 at 10.0.0.9", "CT1"),
        ("wrong request", Caller("", "10.0.0.9"), "BROKER", "further AE titles at 10.0.0.9",
         "further AE titles"),
        ("TLS failed", Caller("", "10.0.0.9"), "", "10.0.0.9", "no AE title"),
        ("calling AE", Caller("", "10.0.0.9"), "BROKER", "10.0.0.9", "no AE title"),
        ("wrong request", OTHERS, "BROKER", "others", "others"),
    ],
)  # fmt: skip
def test_who_was_refused_is_named(
    kind: str, caller: Caller, called_ae: str, name: str, title: str
) -> None:
    """Also where no AE title is known, or several stand together."""
    found = RefusedCaller(kind, caller.ae_title, caller.address, 1, 0.0, 0.0, "why", called_ae)
    assert (name_of(found), title_of(found)) == (name, title)


@pytest.mark.parametrize("kind", Refusal)
def test_the_page_has_a_remedy_that_types_no_command(kind: Refusal) -> None:
    """For each kind."""
    assert set(ON_PAGE) < set(Refusal)
    words = remedy_on_page(kind)
    assert 40 < len(words) < 240
    assert words.endswith(".")
    assert "`" not in words
    assert "above" not in words
    assert remedy_on_page("of another version") == ""
