"""`broker help`, and that what the manual says of keys, log lines, metrics and topics exists."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

import broker
from broker.config.schema import Config
from broker.events import Event, Severity
from broker.model.films.adaptations import ALLOWED, NAMES
from broker.operations.words.manual import LINK, TOPICS, NoSuchTopic, topic, topics
from broker.web.api.documents import JobDocument, ListedJobDocument
from tests.cli.conftest import Site
from tests.peers.named_commands import BLOCK

ROOT = Path(__file__).parents[2]
SOURCES = "\n".join(
    file.read_text(encoding="utf-8") for file in Path(broker.__file__).parent.rglob("*.py")
)
EMULATED = {Event.FILM_NOT_PRINTED}
"""Told by an emulated printer alone."""
NO_KEYS = {"toml", "db", "service", "md", "lock"}
"""What stands behind the dot of a file's name."""


def sections() -> dict[str, set[str]]:
    """Every table of the configuration with its keys."""
    found = {}
    for name, field in Config.model_fields.items():
        kind: Any = field.annotation
        model = kind if hasattr(kind, "model_fields") else kind.__args__[0]
        found[name] = set(model.model_fields)
    return found


SECTIONS = sections()
FIELDS = {*ListedJobDocument.model_fields, *JobDocument.model_fields}
"""Of a job's JSON."""
KEYS = {key for keys in SECTIONS.values() for key in keys}


def spans(text: str) -> list[str]:
    """What stands between backticks in sentences and tables."""
    return re.findall(r"`([^`\n]+)`", BLOCK.sub("", text))


def test_each_topic_is_a_file_of_the_package() -> None:
    """None is left over, and none is missing where the package is installed."""
    files = {each.name for each in resources.files("broker").joinpath("help").iterdir()}
    assert files == {f"{name}.md" for name in TOPICS}


@pytest.mark.parametrize("name", TOPICS)
def test_a_topic_begins_with_its_title_and_a_sentence(name: str) -> None:
    """Lists of topics show both."""
    found = topic(name)
    assert found.text.startswith(f"# {found.title}\n\n{found.summary}\n")
    assert found.title.lower().replace(" ", "-") == name
    assert re.fullmatch(r"[A-Z][^\n|`*]+\.", found.summary)


@pytest.mark.parametrize("name", TOPICS)
def test_no_link_is_dead(name: str) -> None:
    """Each leads to another topic; samples are named as files of the source that there are."""
    text = topic(name).text
    linked = {target for _, target in LINK.findall(text)}
    assert linked <= set(TOPICS) - {name}
    assert text.count("](") == len(LINK.findall(text))
    for sample in re.findall(r"samples/[a-z.]+", text):
        assert (ROOT / sample.rstrip(".")).is_file()
    for section in re.findall(r"(?<!\*)\*((?:The|A) [a-z ]+)\*(?!\*)", text):
        assert any(f"## {section}\n" in each.text for each in topics())


@pytest.mark.parametrize("name", [*TOPICS, "README"])
def test_each_key_of_the_configuration_exists(name: str) -> None:
    """In sentences as `section.key`, and in samples of the file."""
    text = topic(name).text if name in TOPICS else (ROOT / "README.md").read_text()
    for span in spans(text):
        section, _, key = span.partition(" = ")[0].partition(".")
        if section in SECTIONS and re.fullmatch("[a-z_]+", key) and key not in NO_KEYS:
            assert key in SECTIONS[section], span
        elif name in TOPICS and re.fullmatch("(?!dicom_print_)[a-z]+(_[a-z]+)+", span):
            assert span in KEYS | FIELDS, span
    for sample in re.findall(r"```toml\n(.*?)```", text, re.DOTALL):
        for section, entries in tomllib.loads(sample).items():
            for entry in entries if isinstance(entries, list) else [entries]:
                assert set(entry) <= SECTIONS[section]


@pytest.mark.parametrize("name", TOPICS)
def test_each_metric_exists(name: str) -> None:
    """As `/metrics` names it."""
    for metric in re.findall(r"`dicom_print_broker_([a-z_]+)`", topic(name).text):
        assert f'"{metric.removesuffix("_total")}"' in SOURCES, metric


@pytest.mark.parametrize("name", TOPICS)
def test_each_alarm_exists(name: str) -> None:
    """What is written in capitals stands so above tables, or is a printer's own word."""
    for span in spans(topic(name).text):
        if re.fullmatch(r"[A-Z][A-Z' ]+ [A-Z ]+", span):
            assert span in SOURCES, span


def test_each_log_line_is_an_event() -> None:
    """The tables of log lines name events, and every one that is a warning or worse."""
    text = topic("monitoring").text.partition("## Log lines")[2]
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    lines = {span for row in rows for span in re.findall("`([^`]+)`", row.split(" | ")[0])}
    assert lines <= set(Event)
    assert {
        each for each in Event if each.level in (Severity.WARNING, Severity.ERROR)
    } - EMULATED <= lines


@pytest.mark.parametrize("name", TOPICS)
def test_a_topic_fits_a_terminal(site: Site, name: str) -> None:
    """Plain text of 80 columns where it is no terminal; nothing to type is cut or broken."""
    ended = site.broker("help", name)
    assert (ended.code, ended.err) == (0, "")
    assert topic(name).title in ended.out.splitlines()[0]
    assert max(map(len, ended.out.splitlines())) <= 80
    assert "\x1b" not in ended.out
    said = [line.strip() for line in ended.out.splitlines()]
    for block in re.findall(r"```\w+\n(.*?)```", topic(name).text, re.DOTALL):
        assert set(map(str.strip, block.splitlines())) <= set(said)


def test_without_a_topic_all_are_listed(site: Site) -> None:
    """With the sentence of each."""
    ended = site.broker("help")
    assert ended.code == 0
    assert [line.strip() for line in ended.out.splitlines() if line.strip() in TOPICS] == list(
        TOPICS
    )
    assert topic("limits").summary in " ".join(ended.out.split())


def test_an_unknown_topic_is_wrong_usage(site: Site) -> None:
    """Exit 2, nothing on stdout, and those that there are."""
    ended = site.broker("help", "fax")
    assert (ended.code, ended.out) == (2, "")
    assert "'fax': there is no such topic" in ended.err
    assert all(name in ended.err for name in TOPICS)
    with pytest.raises(NoSuchTopic, match="installing"):
        topic("../limits")


def test_on_a_terminal_it_has_its_width() -> None:
    """Of a narrow one all columns, of a wide one 80; with colours."""
    for columns, most in ((60, 60), (200, 80)):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        surroundings = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR")}
        process = subprocess.Popen(
            [sys.executable, "-m", "broker.cli.main", "help", "limits"],
            stdout=theirs,
            env=surroundings | {"TERM": "xterm-256color"},
        )
        os.close(theirs)
        said = b""
        try:
            while piece := os.read(ours, 65536):
                said += piece
        except OSError:
            pass  # the other end is closed
        assert process.wait(30) == 0
        os.close(ours)
        text = said.decode()
        assert "\x1b[" in text
        plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
        assert most - 20 < max(len(line.rstrip()) for line in plain.splitlines()) <= most


def test_each_adaptation_is_explained() -> None:
    """What `printers.adapt` may name, and what is harmless without being named."""
    text = topic("printers").text
    assert {*NAMES, *ALLOWED} <= set(spans(text))
