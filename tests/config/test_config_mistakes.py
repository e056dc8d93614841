"""Mistakes in the configuration: each names its key and what would be right."""

from __future__ import annotations

import pytest

from broker.config.file import parse, show
from tests.peers.configuration import FOLDER, TWO_PRINTERS, printer, problems

NAME = "use 1 to 32 letters, digits, dots, dashes and underscores, a letter or a digit first"
AE = "is not an AE title; use 1 to 16 ASCII characters, no backslash, not only spaces"
URL = 'use "" for SQLite in data_dir, or "sqlite:////folder/broker.db"'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (printer(port="99999"), "printers[1].port: 99999 is not a port; use 1 to 65535"),
        (printer(port="0"), "printers[1].port: 0 is not a port; use 1 to 65535"),
        (printer(port='"104"'), 'printers[1].port: "104" is not a port; use 1 to 65535'),
        (printer(port="true"), "printers[1].port: true is not a port; use 1 to 65535"),
        (printer(port="104.5"), "printers[1].port: 104.5 is not a port; use 1 to 65535"),
        (
            printer(port=""),
            "printers[1].port: is missing; every printer needs name, ae_title, host and port",
        ),
        (printer(weight="0"), "printers[1].weight: 0 is not a weight; use 1 to 256"),
        (printer(weight="257"), "printers[1].weight: 257 is not a weight; use 1 to 256"),
        (
            printer(associations="0"),
            "printers[1].associations: 0 is not a number of associations; use 1 to 64",
        ),
        (printer(ae_title='""'), f'printers[1].ae_title: "" {AE}'),
        (printer(ae_title='"    "'), f'printers[1].ae_title: "    " {AE}'),
        (
            printer(ae_title='"A2345678901234567"'),
            f'printers[1].ae_title: "A2345678901234567" {AE}',
        ),
        (printer(ae_title="'A\\B'"), f'printers[1].ae_title: "A\\\\B" {AE}'),
        (printer(ae_title='"ÖKI"'), f'printers[1].ae_title: "ÖKI" {AE}'),
        (
            printer(host='""'),
            'printers[1].host: "" is not a host; use a name or an IP address, without a port',
        ),
        (
            printer(host='"a b"'),
            'printers[1].host: "a b" is not a host; use a name or an IP address, without a port',
        ),
        (printer(name='"oki 1"'), f'printers[1].name: "oki 1" is not a name to type; {NAME}'),
        (printer(name='"-r"'), f'printers[1].name: "-r" is not a name to type; {NAME}'),
        (
            printer(lut_level='"film"'),
            'printers[1].lut_level: "film" is not a choice; use "film box" or "film session"',
        ),
        (
            printer(wieght="3"),
            "printers[1].wieght: is not a key that the broker knows; did you mean weight?",
        ),
        ("[printers]", "printers: is one table; write [[printers]] above each printer"),
        ("printers = [7]", "printers[1]: 7 is not a table; write [[printers]] above its keys"),
        ("health = 7", "health: 7 is not a table; write [health] above its keys"),
        ("[broker]\nae_title = 7", f"broker.ae_title: 7 {AE}"),
        (printer(tls='"yes"'), 'printers[1].tls: "yes" is not a choice; use true or false'),
        ("[tls]\nonly = 1", "tls.only: 1 is not a choice; use true or false"),
        (
            "[tls]\ncertificate = 7",
            "tls.certificate: 7 is not a file; use the path of a PEM file, as a string",
        ),
        (
            "[tls]\nport = 99999",
            "tls.port: 99999 is not a port; use 0 to 65535",
        ),
        (
            '[tls]\nkey = "key.pem"',
            "tls.key: means nothing without a certificate; name its file in tls.certificate",
        ),
        (
            '[tls]\ncertificate = "cert.pem"\nport = 11112',
            "tls.port: 11112 is also broker.port; use another port, or only = true",
        ),
        (
            '[tls]\ncertificate = "cert.pem"\n' + printer(host='"127.0.0.1"', port="2762"),
            "printers[1].host: 127.0.0.1:2762 is the broker itself; "
            "use the printer's own host and port",
        ),
        ("[broker]\nport = -1", "broker.port: -1 is not a port; use 0 to 65535"),
        ('[broker]\ndata_dir = ""', 'broker.data_dir: "" is not a folder; use a path, as a string'),
        (
            "[limits]\nassociations = 0",
            "limits.associations: 0 is not a number of associations; use 1 to 10000",
        ),
        (
            "[broker]\ngrace_s = inf",
            "broker.grace_s: inf is not a time in seconds; use 0 to 3600",
        ),
        (
            '[health]\ninterval_s = "5"',
            'health.interval_s: "5" is not a time in seconds; use 0.05 to 3600',
        ),
        ("[health]\nrise = 0", "health.rise: 0 is not a number of checks; use 1 to 100"),
        (
            "[health]\ninterval = 5",
            "health.interval: is not a key that the broker knows; did you mean interval_s?",
        ),
        ("[health]\ntries = 5", "health.tries: is not a key here; it belongs to [retry]"),
        (
            "[web]\ncolour = 5",
            "web.colour: is not a key that the broker knows; use on, host, port, tls, "
            "trusted_proxy",
        ),
        ("port = 104", "port: is not a section here; it belongs to [broker]"),
        ("[heatlh]", "heatlh: is not a section that the broker knows; did you mean health?"),
        (
            '[retry]\non_uncertain = "assume"',
            'retry.on_uncertain: "assume" is not a choice; use "hold" or "reprint"',
        ),
        (
            "[retry]\nfirst_delay_s = 90",
            "retry.max_delay_s: 60 is less than first_delay_s; use 90 or more",
        ),
        ("[retry]\ntries = 0", "retry.tries: 0 is not a number of tries; use 1 to 1000"),
        (
            '[log]\nlevel = "loud"',
            'log.level: "loud" is not a choice; use "debug" or "info" or "warning" or "error"',
        ),
        (
            "[limits]\nassociations = 16\nassociations_per_peer = 17",
            "limits.associations_per_peer: 17 is more than associations, which is 16; "
            "use 16 or less",
        ),
        (
            "[limits]\nassociations_per_peer = 129",
            "limits.associations_per_peer: 129 is more than associations, which is 128; "
            "use 128 or less",
        ),
        (
            "[limits]\nimage_mb = 64\nsession_mb = 32",
            "limits.image_mb: 64 is more than session_mb, which is 32; use 32 or less",
        ),
        (
            "[limits]\nwaiting_jobs = 20\nqueue_jobs = 10",
            "limits.queue_jobs: 10 is less than waiting_jobs, which is 20: the queue has room for "
            "one modality's jobs at least; use 20 or more, or 0",
        ),
        (
            "[retention]\npixels_hours = 48\nrows_days = 1",
            "retention.rows_days: 1 is less than pixels_hours, which is 48: a row is not removed "
            "before its pixels; use 2 or more",
        ),
        (
            "[retention]\nrows_days = 0.5",
            "retention.rows_days: 0.5 is less than pixels_hours, which is 24: a row is not removed "
            "before its pixels; use 1 or more",
        ),
        (
            '[duplicates]\nwindow_s = 0\non_duplicate = "hold"',
            "duplicates.window_s: 0 flags no film, so that none is held; use a time above 0, or "
            'on_duplicate = "print"',
        ),
        (
            '[database]\nurl = "postgresql+psycopg://broker:secret@db/broker"',
            "database.url: PostgreSQL is not supported by this version, which keeps its queue in "
            f"SQLite; {URL}",
        ),
        (
            '[database]\nurl = "mysql://x"',
            f"database.url: is not the address of an SQLite file; {URL}",
        ),
        (
            '[database]\nurl = "sqlite:///:memory:"',
            f"database.url: is not the address of an SQLite file; {URL}",
        ),
        (
            TWO_PRINTERS.replace("oki-2", "oki-1"),
            'printers[2].name: "oki-1" is also the name of printers[1]; give each printer its own',
        ),
        (
            printer() + "\n" + printer(name='"b"'),
            "printers[2]: OKI1@10.0.0.1:104 is also printers[1]; "
            "remove one, or correct its ae_title, host or port",
        ),
        (
            "[broker]\nhost = 7",
            'broker.host: 7 is not a host; use "*", a name or an IP address, without a port, or a '
            "list of them",
        ),
        (
            '[broker]\nhost = "[::1]:11112"',
            'broker.host: "[::1]:11112" is not a host; use "*", a name or an IP address, without a '
            "port, or a list of them",
        ),
        ("[broker]\nhost = []", 'broker.host: [] names no host; use "*" for every interface'),
        (
            '[web]\nhost = "127.0.0.1, ::1"',
            'web.host: "127.0.0.1, ::1" is several hosts; write them as a list, '
            '["127.0.0.1", "::1"]',
        ),
        (
            '[web]\nhost = ["127.0.0.1", "a b"]',
            'web.host: "a b" is not a host; use "*", a name or an IP address, without a port, or a '
            "list of them",
        ),
        (
            printer(host='"*"'),
            'printers[1].host: "*" is not a host; use a name or an IP address, without a port',
        ),
        (
            printer(host='"10.0.0.1:104"'),
            'printers[1].host: "10.0.0.1:104" is not a host; use a name or an IP address, without '
            "a port",
        ),
        (
            '[notify]\nmail_host = "[mail]"\nmail_from = "a@b"\nmail_to = "a@b"',
            'notify.mail_host: "[mail]" is not a host; use a name or an IP address, without a port',
        ),
        (
            "[broker]\nhost = ['10.0.0.9', '10.0.0.1']\nport = 104\n" + printer(),
            "printers[1].host: 10.0.0.1:104 is the broker itself; "
            "use the printer's own host and port",
        ),
        (
            printer(host='"[::1]"', port="11112"),
            "printers[1].host: [::1]:11112 is the broker itself; "
            "use the printer's own host and port",
        ),
        (
            printer() + "\n" + printer(name='"oki-2"', host='"[::ffff:10.0.0.1]"'),
            "printers[2]: OKI1@10.0.0.1:104 is also printers[1]; "
            "remove one, or correct its ae_title, host or port",
        ),
        (
            "[broker]\nhost = '10.0.0.1'\nport = 104\n" + printer(),
            "printers[1].host: 10.0.0.1:104 is the broker itself; "
            "use the printer's own host and port",
        ),
        (
            printer(host='"localhost"', port="11112"),
            "printers[1].host: localhost:11112 is the broker itself; "
            "use the printer's own host and port",
        ),
        (
            "[broker]\nhost = '::1'\n" + printer(host='"127.0.0.1"', port="11112"),
            "printers[1].host: 127.0.0.1:11112 is the broker itself; "
            "use the printer's own host and port",
        ),
        ("[broker]\nport = 1\nport = 2\n", "line 3, column 9: Cannot overwrite a value"),
        ("[broker]\nport = \n\n", "line 2, column 8: Invalid value"),
        ("[broker]\nport =", "the end, line 2: Invalid value"),
    ],
)
def test_a_mistake_names_its_key_and_what_would_be_right(text: str, problem: str) -> None:
    """Each mistake is one line: file, key, what is wrong; what would be right."""
    if problem.startswith(("line ", "the end")):
        problem += "; this is not TOML"
    assert problems(text) == [f"broker.toml: {problem}"]


def test_a_default_gives_way_to_what_the_file_says() -> None:
    """A number that the file does not have contradicts nothing; what is shown then loads again."""
    text = "[limits]\nassociations = 8\nsession_mb = 24\nqueue_jobs = 9\n"
    text += "[retention]\npixels_hours = 8760\n"
    config = parse(text, folder=FOLDER)
    limits, retention = config.limits, config.retention
    assert (limits.associations, limits.associations_per_peer) == (8, 8)
    assert (limits.session_mb, limits.image_mb) == (24, 24)
    assert (limits.queue_jobs, limits.waiting_jobs) == (9, 9)
    assert (retention.pixels_hours, retention.rows_days) == (8760, 365)
    assert parse(show(config), folder=FOLDER) == config


def test_times_that_only_look_like_a_contradiction_are_allowed() -> None:
    """A check may take longer than the time between two: the next one waits for its end."""
    text = "[health]\ninterval_s = 0.1\ntimeout_s = 5\n[duplicates]\nwindow_s = 0\n"
    assert parse(text, folder=FOLDER).health.timeout_s == 5


def test_every_mistake_comes_in_one_go() -> None:
    """One run names all mistakes, those between tables too."""
    found = problems(
        '[broker]\nport = 99999\nae_tilte = "B"\n[nonsense]\n[retry]\ntries = 0\n'
        + printer(port="0", weight="0")
        + TWO_PRINTERS
        + printer(ae_title='"OTHER"', name='"oki-2"')
    )
    assert [line.split(": ")[1] for line in found] == [
        "broker.port",
        "broker.ae_tilte",
        "nonsense",
        "retry.tries",
        "printers[1].port",
        "printers[1].weight",
        "printers[2].name",
        "printers[4].name",
    ]


def test_no_password_is_repeated() -> None:
    """A database address that is refused may hold a password, so it is not shown."""
    assert "secret" not in problems('[database]\nurl = "postgresql://broker:secret@db/x"')[0]
    assert "secret" not in problems('database = "postgresql://broker:secret@db/x"')[0]
