"""Nicknames of modalities on the command line: shown beside the AE title, and found by."""

from __future__ import annotations

import csv
import io
import json
import re
import time

import pytest

from broker.model.jobs.job import Level, PrintRequest
from tests.cli.conftest import CONFIGURATION, FILM, PATIENT, Site

NICKNAMES = """
[[modalities]]
ae_title = "CT1"
nickname = "CT, ground floor"
[[modalities]]
ae_title = "MR1"
nickname = "XA1"
"""


def add(site: Site, calling_ae: str) -> int:
    """A job of that modality."""
    return site.jobs.submission.add(
        PrintRequest(
            calling_ae=calling_ae,
            called_ae="BROKER",
            peer="10.0.0.9:4000",
            film_session=f"session-{time.monotonic_ns()}",
            level=Level.FILM_BOX,
            session={"FilmSessionLabel": (PATIENT,)},
            films=(FILM,),
        )
    )


@pytest.fixture
def named(site: Site) -> Site:
    """Jobs of CT1, MR1 and XA1: MR1 has a nickname that is the AE title of a modality which the
    file does not name."""
    site.file.write_text(CONFIGURATION + NICKNAMES)
    for title in ("CT1", "MR1", "XA1"):
        add(site, title)
    return site


def numbers(site: Site, *arguments: str) -> list[int]:
    """Of the jobs that are listed."""
    listed = site.broker("jobs", *arguments, "--json")
    assert listed.code == 0, listed.err
    return [each["id"] for each in json.loads(listed.out)]


def test_a_modality_is_found_by_ae_title_or_nickname(named: Site) -> None:
    """Whatever the case; a name that is both finds both; free text looks into nicknames, too."""
    assert numbers(named, "--modality", "ct1") == [1]
    assert numbers(named, "--modality", "ct, Ground floor") == [1]
    assert numbers(named, "--modality", "ground") == []
    assert numbers(named, "--modality", "xa1") == [2, 3]
    assert numbers(named, "--text", "GROUND fl") == [1]
    assert numbers(named, "--text", "x") == [2, 3]


def test_lists_show_the_nickname_beside_the_ae_title(named: Site) -> None:
    """In a column where there is room, else once below the table; in JSON and CSV in a field of its
    own, which is empty for a modality without one."""
    table = named.broker("jobs").out
    assert re.search("^ 1 queued CT1 +CT, ground floor ", table, re.MULTILINE)
    assert max(map(len, table.splitlines())) <= 80
    long = "CT, ground floor, beside room 12"
    named.file.write_text(named.file.read_text().replace("CT, ground floor", long))
    table = named.broker("jobs").out
    assert max(map(len, table.splitlines())) <= 80
    assert "NICKNAME" not in table
    assert f"Modalities: CT1 is {long}; MR1 is XA1." in " ".join(table.split())
    named.file.write_text(named.file.read_text().replace(long, "CT, ground floor"))
    listed = json.loads(named.broker("jobs", "--json").out)
    assert [each["calling_ae"] for each in listed] == ["CT1", "MR1", "XA1"]
    assert [each["calling_nickname"] for each in listed] == ["CT, ground floor", "XA1", ""]
    rows = list(csv.DictReader(io.StringIO(named.broker("jobs", "--csv").out)))
    assert [each["calling_nickname"] for each in rows] == ["CT, ground floor", "XA1", ""]


def test_one_job_is_shown_with_the_nickname(named: Site) -> None:
    """And so is a question about it, as it names the modality."""
    assert "CT1 (CT, ground floor) at 10.0.0.9:4000" in named.broker("jobs", "show", "1").out
    assert "XA1 at 10.0.0.9:4000" in named.broker("jobs", "show", "3").out
    shown = json.loads(named.broker("jobs", "show", "1", "--json").out)
    assert shown["calling_nickname"] == "CT, ground floor"


def test_nothing_found_names_the_modalities_with_their_nicknames(named: Site) -> None:
    """What was looked for is named with its AE title, as far as there is one."""
    said = " ".join(named.broker("jobs", "--modality", "CT9").out.split())
    assert (
        "No jobs from modality CT9. Modalities that printed lately: CT1 (CT, ground floor), "
        "MR1 (XA1), XA1."
    ) in said
    ended = named.broker("jobs", "--modality", "ct, ground floor", "--state", "held")
    assert "No jobs in state held from modality ct, ground floor (CT1)." in " ".join(
        ended.out.split()
    )
    assert "printed lately" not in ended.out


def test_a_list_without_nicknames_has_no_room_for_them(site: Site) -> None:
    """The table of a site that uses none is as it was."""
    add(site, "CT1")
    assert "NICKNAME" not in site.broker("jobs").out


def test_refusals_name_the_modality_by_its_nickname(named: Site) -> None:
    """Beside its AE title and address."""
    with named.database.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO refusals VALUES ('wrong request', 3, 5, 6, 'CT1@10.0.0.9', '', '')"
        )
        connection.exec_driver_sql(
            "INSERT INTO refusals_of_callers VALUES "
            "('wrong request', 'CT1', '10.0.0.9', 3, 5, 6, 'why', '', '', '')"
        )
    said = " ".join(named.broker("refusals").out.split())
    assert "CT1 (CT, ground floor) at 10.0.0.9, 3 times" in said
    (kind,) = json.loads(named.broker("refusals", "--json").out)
    (caller,) = kind["callers"]
    assert (caller["calling_ae"], caller["calling_nickname"]) == ("CT1", "CT, ground floor")
