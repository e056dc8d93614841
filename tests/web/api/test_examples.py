"""The lines of curl on the API's page, run as they are printed."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import Site, site
from tests.peers.required import cannot_run
from tests.web.served_page import PASSWORD, ServedPage, served_page

__all__ = ["site"]

STREAM_ENDED = 28
"""curl's exit code when its time is over."""


@pytest.fixture
def served(site: Site) -> Iterator[ServedPage]:
    """A page with a job that waits."""
    if shutil.which("curl") is None:
        cannot_run("curl is missing: apt-get install curl")
    site.job()
    with served_page(site.folder) as page:
        yield page


def lines(page: str) -> list[str]:
    """Each line of curl."""
    return [unescape(each) for each in re.findall(r"<pre[^>]*><code>(curl .*?)</code></pre>", page)]


def run(line: str, folder: Path, typed: str = "") -> subprocess.CompletedProcess[str]:
    """As a person pastes it; without a terminal curl reads the password from stdin. It takes 4xx
    for a failure, and ends a stream."""
    seconds = 3 if "/events" in line else 60
    (folder / ".curlrc").write_text(f"fail\nmax-time = {seconds}\n")
    return subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "CURL_HOME": str(folder)},
        input=typed,
        capture_output=True,
        text=True,
        start_new_session=True,
        timeout=90,
    )


@pytest.mark.parametrize("users", [False, True])
def test_every_line_works_as_it_is_printed(served: ServedPage, site: Site, users: bool) -> None:
    """With users and without: each request of the description is answered, and those with a body
    bring an example of it."""
    if users:
        served.add("anna")
    auth = ("anna", PASSWORD) if users else None
    page = httpx.get(f"{served.url}/api", auth=auth, timeout=30).text
    document = httpx.get(f"{served.url}/api/openapi.json", auth=auth, timeout=30).json()
    found = lines(page)
    assert len(found) == sum(map(len, document["paths"].values()))
    posts = [each for each in found if " -d " in each]
    assert len(posts) == sum("post" in each for each in document["paths"].values())
    for line in found:
        ended = run(line, site.folder, f"{PASSWORD}\n" if users else "")
        streams = ended.returncode == STREAM_ENDED and "event:" in ended.stdout
        pictured = line.partition("films/")[2] and ended.returncode == 22
        assert ended.returncode == 0 or streams or pictured, (line, ended.stdout, ended.stderr)
