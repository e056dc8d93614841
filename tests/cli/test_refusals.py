"""`broker refusals` counts what was not taken."""

from __future__ import annotations

import json
import time

import pytest

from broker.model.peers.caller import Caller
from broker.model.peers.refusal import Refusal
from broker.operations.words.failures import REMEDIES, remedy
from broker.store.database import Database
from broker.store.refusals import OTHERS, Counted, CountedOfCaller, Refusals
from tests.cli.conftest import Site

FIRST, LAST = 1_790_000_000.0, 1_790_000_060.0


def test_refusals_are_listed_by_kind(site: Site) -> None:
    """How often, since when, who was last, from where and whom it called; or that there were
    none. Below each stands what it means and what to do."""
    assert site.broker("refusals").out == "Nothing was refused.\n"
    database = Database.open(f"sqlite:///{site.folder}/broker-data/broker.db")
    refusals = Refusals(database)
    refusals.add(
        {
            "called AE": Counted(12, FIRST, LAST, "CT1", "10.0.0.9:4000", "BORKER"),
            "silent": Counted(3, FIRST, FIRST, "10.0.0.8:4000", "10.0.0.8:4000"),
            "of another version": Counted(1, 1.0, 1.0, "CT1"),
        }
    )
    database.close()

    ended = site.broker("refusals")

    lines = ended.out.splitlines()
    zone = time.strftime("%Z")
    assert lines[0].split() == ["KIND", "NUMBER", "SINCE", zone, "LAST", "LAST", "PEER"]
    words = lines[1].split()
    assert words[:5] == ["called", "AE", "12", "2026-09-21", "14:13"]
    assert words[-2:] == ["ago", "CT1"]
    assert lines[2] == "        from 10.0.0.9:4000, calling BORKER"
    assert lines[3].startswith(
        "        The modality calls another AE title than broker.ae_title, which"
    )
    assert "`broker config show`" in " ".join(lines[3:6])
    silent = next(each for each, line in enumerate(lines) if line.startswith("silent "))
    assert lines[silent].endswith(" ago  10.0.0.8:4000")
    assert lines[silent + 1].startswith("        The peer connected and sent nothing.")
    assert max(map(len, lines)) <= 80
    first, second, third = json.loads(site.broker("refusals", "--json").out)
    assert (first["kind"], first["number"], first["last_peer"]) == ("called AE", 12, "CT1")
    assert (first["last_address"], first["last_called_ae"]) == ("10.0.0.9:4000", "BORKER")
    assert first["first_at"] == "2026-09-21T14:13:20.000Z"
    assert (second["last_peer"], second["last_called_ae"]) == ("10.0.0.8:4000", "")
    assert (third["kind"], third["remedy"]) == ("of another version", "")


def test_who_was_refused_is_told_apart(site: Site) -> None:
    """By AE title and address: one with sixty refusals does not hide another's single one."""
    refusals = Refusals(site.database)
    counted = Counted(68, FIRST, LAST, "MR1", "10.0.0.9:4001")
    of_callers = {
        ("wrong request", Caller("CT1", "10.0.0.9")): CountedOfCaller(
            60, FIRST, LAST, "no format", "BROKER", "0x0106 (wrong)", "ImageDisplayFormat"
        ),
        ("wrong request", Caller("MR1", "10.0.0.9")): CountedOfCaller(1, LAST, LAST, "no image"),
        ("wrong request", OTHERS): CountedOfCaller(2, LAST, LAST, ""),
        ("silent", Caller("", "10.0.0.8")): CountedOfCaller(1, LAST, LAST, "said nothing"),
    } | {
        ("wrong request", Caller(f"AE{number}", "10.0.0.9")): CountedOfCaller(1, LAST, LAST, "")
        for number in range(5)
    }
    refusals.add({"wrong request": counted}, of_callers)

    lines = site.broker("refusals").out.splitlines()

    told = " ".join("\n".join(lines).split())
    assert "CT1 at 10.0.0.9, calling BROKER, 60 times, last" in told
    assert "ago: no format: 0x0106 (wrong), ImageDisplayFormat" in told
    assert "        3 more, 4 times in all" in lines
    (document,) = json.loads(site.broker("refusals", "--json").out)
    callers = {(each["calling_ae"], each["host"]): each for each in document["callers"]}
    assert callers["MR1", "10.0.0.9"] == {
        "calling_ae": "MR1",
        "calling_nickname": "",
        "host": "10.0.0.9",
        "number": 1,
        "first_at": "2026-09-21T14:14:20.000Z",
        "last_at": "2026-09-21T14:14:20.000Z",
        "last_why": "no image",
        "last_called_ae": "",
        "last_status": "",
        "last_attribute": "",
        "printed_at": None,
        "printed_since": None,
    }
    assert callers["CT1", "10.0.0.9"]["last_status"] == "0x0106 (wrong)"
    assert callers["CT1", "10.0.0.9"]["last_attribute"] == "ImageDisplayFormat"
    assert callers["", ""]["number"] == 2


def test_who_was_refused_lately_is_told_above_the_tables(site: Site) -> None:
    """As on the page, with the command that says more: a modality that cannot print leaves no job.
    What was refused earlier is not told there."""
    refusals = Refusals(site.database)
    now = time.time()
    for command in ("jobs", "printers"):
        assert "Refused" not in site.broker(command).out
    refusals.add(
        {"called AE": Counted(2, now - 5000, now - 30, "MR1", "10.0.0.9:4001")},
        {
            ("called AE", Caller("CT1", "10.0.0.8")): CountedOfCaller(1, LAST, LAST, ""),
            ("called AE", Caller("MR1", "10.0.0.9")): CountedOfCaller(1, now - 30, now - 30, ""),
        },
    )
    for command in ("jobs", "printers"):
        told = " ".join(site.broker(command).out.split())
        assert "Refused in the last hour: MR1 at 10.0.0.9 (called a wrong AE title), 3" in told
        assert "`broker refusals` says why, and what to do." in told


def test_one_that_printed_before_comes_first(site: Site) -> None:
    """However few its refusals are, and however lately another kind was: the table says so, and
    the document when it printed last. Once it prints again it is one of many."""
    refusals = Refusals(site.database)
    ct, mr = Caller("CT1", "10.0.0.9"), Caller("MR1", "10.0.0.8")
    once = CountedOfCaller(1, LAST, LAST, "wrong", "BORKER")
    refusals.add(
        {
            "called AE": Counted(61, FIRST, LAST, "MR1", "10.0.0.8:4001"),
            "wrong request": Counted(1, LAST + 9, LAST + 9, "MR1", "10.0.0.8:4001"),
        },
        {
            ("called AE", mr): CountedOfCaller(60, FIRST, LAST, "wrong"),
            ("called AE", ct): once,
            ("wrong request", mr): once,
        },
        {ct: FIRST},
    )

    lines = site.broker("refusals").out.splitlines()
    assert lines[1].startswith("called AE ")
    told = " ".join("\n".join(lines[2:5]).split())
    assert told.startswith("CT1 at 10.0.0.9, calling BORKER, once, last ")
    assert "IT PRINTED BEFORE, AND HAS NOT SINCE" in told
    assert max(map(len, lines)) <= 80
    first, _ = json.loads(site.broker("refusals", "--json").out)
    assert first["callers"][0]["printed_at"] == "2026-09-21T14:13:20.000Z"
    assert first["callers"][0]["printed_since"] is False

    refusals.add({}, {}, {ct: LAST + 5})
    latest, earlier = json.loads(site.broker("refusals", "--json").out)
    assert latest["kind"] == "wrong request"
    assert [each["calling_ae"] for each in earlier["callers"]] == ["MR1", "CT1"]
    assert earlier["callers"][1]["printed_since"] is True


@pytest.mark.parametrize("kind", Refusal)
def test_each_kind_has_a_remedy(kind: Refusal) -> None:
    """One or two sentences, three lines at most below the row."""
    assert set(REMEDIES) == set(Refusal)
    assert remedy(kind).endswith(".")
    assert 40 < len(remedy(kind)) <= 3 * 68
