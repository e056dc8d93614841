"""Log lines are for people on a terminal and JSON elsewhere, and never quote a data set."""

from __future__ import annotations

import io
import json
import logging
import os
import pty
import subprocess
import sys
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import structlog

from broker.alerts.delivery import NoticeFormat, webhook
from broker.model.reasons.alert_rules import Notice
from broker.service import logs
from tests.peers.hook_receiver import HookReceiver


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """A stream, and the logging of the test run as it was before."""
    root = logging.getLogger()
    handlers, level, show = root.handlers[:], root.level, warnings.showwarning
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)
    warnings.showwarning = show
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    """The JSON lines that were written."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_an_iso_utc_time_off_a_terminal(stream: io.StringIO) -> None:
    """When, how bad and what come first, the rest follows."""
    logs.configure("info", "auto", stream)
    structlog.get_logger("broker.relay").info("job accepted", job=7, films=2)
    (line,) = lines(stream)
    assert list(line) == ["timestamp", "level", "event", "job", "films", "logger"]
    assert (line["level"], line["event"], line["job"]) == ("info", "job accepted", 7)
    written = datetime.fromisoformat(str(line["timestamp"]))
    assert written.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - written) < timedelta(minutes=1)


def test_console_is_one_readable_line(stream: io.StringIO) -> None:
    """Console lines carry no colours where the stream is no terminal."""
    logs.configure("info", "console", stream)
    structlog.get_logger("broker").warning("printer is down", printer="oki-1")
    assert "printer is down" in stream.getvalue()
    assert "printer=oki-1" in stream.getvalue()
    assert "\x1b[" not in stream.getvalue()


def test_the_level_is_a_threshold_and_the_last_call_counts(stream: io.StringIO) -> None:
    """Configuring again, as on SIGHUP, replaces the level and doubles no line."""
    logs.configure("debug", "json", stream)
    logs.configure("warning", "json", stream)
    log = structlog.get_logger("broker")
    log.info("quiet")
    log.error("loud")
    assert [line["event"] for line in lines(stream)] == ["loud"]


def test_libraries_speak_from_warning_up_through_the_same_renderer(stream: io.StringIO) -> None:
    """A library's debug chatter stays out even at our debug level; its warnings come as JSON."""
    logs.configure("debug", "json", stream)
    for library in logs.LIBRARIES:
        logging.getLogger(f"{library}.part").info("chatter")
    logging.getLogger("pynetdicom.assoc").warning("peer %s is odd", "CT1")
    (line,) = lines(stream)
    assert (line["event"], line["logger"], line["level"]) == (
        "peer CT1 is odd",
        "pynetdicom.assoc",
        "warning",
    )


def test_what_pydicom_and_warnings_say_is_not_repeated(stream: io.StringIO) -> None:
    """Their words may quote values of a data set, so only their place is logged."""
    logs.configure("info", "json", stream)
    try:
        raise ValueError("Doe^John is no date")
    except ValueError:
        logging.getLogger("pydicom").exception("Invalid value Doe^John")
    warnings.showwarning(UserWarning("Invalid value Doe^John"), UserWarning, "/x/valuerep.py", 12)
    pydicom, warning = lines(stream)
    assert pydicom["event"] == "pydicom complained"
    assert str(pydicom["place"]).startswith("test_logs.py:")
    assert (warning["category"], warning["place"]) == ("UserWarning", "valuerep.py:12")
    assert "Doe" not in stream.getvalue()


@pytest.mark.parametrize("format", ["console", "json"])
def test_a_traceback_shows_no_local_variables(format: logs.Format, stream: io.StringIO) -> None:
    """Local variables hold films and their texts; a traceback names lines of code only."""
    logs.configure("info", format, stream)
    label = "-".join(["Doe", "John"])
    try:
        raise RuntimeError(f"{len(label)} characters")
    except RuntimeError:
        structlog.get_logger("broker").exception("the relay stopped")
    assert "RuntimeError: 8 characters" in stream.getvalue()
    assert "Doe-John" not in stream.getvalue()


def test_a_terminal_gets_console_lines() -> None:
    """On a terminal `auto` is for people."""
    main, child = pty.openpty()
    program = (
        "import structlog; from broker.service import logs; logs.configure();"
        "structlog.get_logger().info('hello', n=1)"
    )
    subprocess.run([sys.executable, "-c", program], stderr=child, check=True)
    text = os.read(main, 4096).decode()
    os.close(child)
    os.close(main)
    assert "hello" in text
    assert not text.startswith("{")
    assert "\x1b[" in text


def test_a_webhooks_address_is_in_no_line(stream: io.StringIO) -> None:
    """It may hold a secret, and the library that calls it would log it."""
    logs.configure("debug", "json", stream)
    with HookReceiver() as hook:
        notice = Notice("test", "a test message", "It works.", 0.0)
        webhook(hook.url, NoticeFormat("BROKER", ""))(notice)
        assert hook.wait_for("test")
        address = hook.url.rpartition("/")[0].rpartition("/")[2]
    assert "/hook" not in stream.getvalue()
    assert address not in stream.getvalue()


@pytest.mark.parametrize("format", ["console", "json"])
def test_no_control_character_of_a_peer_reaches_the_log(
    stream: io.StringIO, format: logs.Format
) -> None:
    """A printer's words move no cursor of the terminal that shows the log; C1 counts, too."""
    logs.configure("info", format, stream)
    structlog.get_logger("broker").warning("printer said", reason="jam \x1b[2J\x9b2J\x7f!")
    logging.getLogger("pynetdicom").warning("odd \x1b]0;x\x07")

    written = stream.getvalue()
    assert "jam ?[2J?2J?!" in written
    assert "odd ?]0;x?" in written
    assert written.replace("\n", "").isprintable()


@pytest.mark.parametrize("format", ["console", "json"])
def test_no_bidi_override_or_line_separator_of_a_peer_reaches_the_log(
    stream: io.StringIO, format: logs.Format
) -> None:
    """Wherever the words stand in a line: its name, a value within a value, what an exception
    says. No line looks like two, and none is read in another direction than it was written."""
    evil = "JAM\u202egnp.\u2028line\u0085two\x1b[2J"
    logs.configure("info", format, stream)
    log = structlog.get_logger("broker")
    log.warning(evil, words=evil, among=[evil, {evil: (evil,)}])
    try:
        raise RuntimeError(evil)
    except RuntimeError:
        log.exception("the relay stopped")
    logging.getLogger("pynetdicom").warning("%s", evil, exc_info=RuntimeError(evil))

    written = stream.getvalue()
    assert written.count("JAM") == 8
    assert "RuntimeError: JAM?gnp.?line?two?[2J" in written.replace("\\n", "\n")
    assert written.replace("\n", "").replace("\t", "").isprintable()
