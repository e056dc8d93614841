"""`broker refusals` counts what was not taken."""

from __future__ import annotations

import json
import time

from broker.store.database import Database
from broker.store.refusals import Refusals
from tests.cli.conftest import Site


def test_refusals_are_listed_by_kind(site: Site) -> None:
    """How often, since when, and who was last; or that there were none."""
    assert site.broker("refusals").out == "Nothing was refused.\n"
    database = Database.open(f"sqlite:///{site.folder}/broker-data/broker.db")
    Refusals(database, time.time).add({"not DICOM": (12, "10.0.0.9:4000")})
    database.close()

    ended = site.broker("refusals")

    heading, row = ended.out.splitlines()
    assert heading.split() == ["KIND", "NUMBER", "SINCE", "LAST", "LAST", "PEER"]
    assert row.startswith("not DICOM      12  20")
    assert row.endswith("10.0.0.9:4000")
    (document,) = json.loads(site.broker("refusals", "--json").out)
    assert (document["kind"], document["number"]) == ("not DICOM", 12)
