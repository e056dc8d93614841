"""A table without rows says so over its whole width."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from broker.model.user import Role
from tests.web.served_page import served_page, sign_in


@pytest.mark.parametrize("role", Role)
def test_an_empty_table_is_as_wide_as_its_heading(tmp_path: Path, role: Role) -> None:
    """For one who gives commands, and for one who does not."""
    with served_page(tmp_path) as served, served.visitor() as client:
        served.store.printers.sync([])
        served.add("otto", role)
        sign_in(client, "otto")
        pause = threading.Event()
        while 'id="no-printers"' not in (page := client.get("/").text):
            pause.wait(0.05)  # the overview has not read that there are none
    for row in ("no-printers", "no-jobs"):
        before, _, after = page.partition(f'<tbody id="{row}"><tr><td colspan="')
        columns = before.rpartition("<table")[2].count('<th scope="col"')
        assert after.partition('"')[0] == str(columns), row
