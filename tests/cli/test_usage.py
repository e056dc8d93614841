"""A command line that is wrong: one line that names what is wrong, and the remedy."""

from __future__ import annotations

import re

import pytest

from tests.cli.conftest import Site

LIBRARY = re.compile(r"Invalid value|Value error|Input should|No such|Missing|Got unexpected|Try '")
"""Words of the libraries that read a command line."""


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("--bogus", "--bogus is no option of `broker`; `broker --help` lists them"),
        ("jobs --bogus", "--bogus is no option of `broker jobs`; `broker jobs --help` lists them"),
        ("jobs --jsn", "--jsn is no option of `broker jobs`; did you mean --json? `broker jobs "
         "--help` lists them"),
        ("jbos", "jbos is no command of `broker`; did you mean jobs? `broker --help` lists them"),
        ("jobs frob", "frob is no command of `broker jobs`; `broker jobs --help` lists them"),
        ("jobs show", "ID is missing; `broker jobs show --help` has an example"),
        ("jobs show abc", "abc is not a job's number; it is what `broker jobs` shows below ID, as "
         "42"),
        ("jobs show 1 2 x", "`broker jobs show` takes no 2 x there; `broker jobs show --help` "
         "shows what it takes"),
        ("jobs --state foo", "--state: foo is not one of queued, printing, sent, printed, held, "
         "cancelled; `broker jobs --help` has an example"),
        ("jobs priority 1 SOON", "SOON is not a priority; use HIGH, MED, LOW"),
        ("printers drain", "NAME is missing; `broker printers drain --help` has an example"),
        ("check foo bar", "PORT: bar is not a whole number; `broker check --help` has an example"),
        ("emulate --port 99999999", "--port: 99999999 is too large; the most is 65535; `broker "
         "emulate --help` has an example"),
        ("user role x boss", "ROLE: boss is not one of viewer, operator; `broker user role --help` "
         "has an example"),
        ("jobs --state", "--state needs a value;"),
    ],
)  # fmt: skip
def test_what_was_typed_wrong_is_said_in_our_words(site: Site, typed: str, words: str) -> None:
    """One line on stderr, exit 2; nothing in the words of a library."""
    ended = site.broker(*typed.split())
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(words)
    assert ended.err.count("\n") == 1
    assert not LIBRARY.search(ended.err)


def test_a_group_alone_shows_its_help(site: Site) -> None:
    """As before: the commands that there are."""
    ended = site.broker("config")
    assert "Commands:" in ended.out + ended.err
