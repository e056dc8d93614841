"""Certificates of a configuration: mistakes in them are named, and nobody is asked anything."""

from __future__ import annotations

import datetime
import ssl
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from broker import certificates
from broker.config import Config, ConfigError, parse
from tests.peers.certificates import LONG_AGO, Authority
from tests.peers.configuration import printer

SITE = Authority()
DAY_S = 86400.0


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with ca.pem, cert.pem and key.pem."""
    return SITE.write(tmp_path / "tls")


def config(folder: Path, **keys: str) -> Config:
    """A configuration with these keys in [tls]."""
    lines = "\n".join(f'{key} = "{value}"' for key, value in keys.items())
    return parse(f"[tls]\n{lines}\n", folder=folder)


def problem(made: Config) -> str:
    """The one mistake."""
    with pytest.raises(ConfigError) as caught:
        certificates.load(made, time.time())
    (words,) = caught.value.problems
    return words


def test_without_a_certificate_there_is_no_tls() -> None:
    """Nothing is read, and nobody is called or calls over TLS."""
    found = certificates.load(parse("", folder=Path("/nowhere")), time.time())
    assert (found.modalities, found.printers, found.warnings) == (None, {}, ())


def test_a_certificate_and_its_key(site: Path) -> None:
    """In two files or in one, and TLS 1.2 is the oldest (BCP 195)."""
    both = site / "both.pem"
    both.write_text((site / "key.pem").read_text() + (site / "cert.pem").read_text())
    for keys in ({"certificate": "cert.pem", "key": "key.pem"}, {"certificate": "both.pem"}):
        found = certificates.load(config(site, **keys), time.time())
        assert found.modalities is not None
        assert found.modalities.minimum_version is ssl.TLSVersion.TLSv1_2
        assert found.modalities.verify_mode is ssl.CERT_NONE
        assert found.warnings == ()


def test_modalities_may_have_to_show_one(site: Path) -> None:
    """With client_ca nobody gets in without."""
    made = config(site, certificate="cert.pem", key="key.pem", client_ca="ca.pem")
    found = certificates.load(made, time.time())
    assert found.modalities is not None
    assert found.modalities.verify_mode is ssl.CERT_REQUIRED


def test_only_printers_that_speak_tls_are_called_so(site: Path) -> None:
    """By name; all are believed by the same authority, and by the host that is called."""
    text = f'[tls]\nca = "{site}/ca.pem"\n{printer(tls="true")}\n'
    text += printer(name='"oki-2"', ae_title='"OKI2"')
    found = certificates.load(parse(text, folder=site), time.time())
    assert list(found.printers) == ["oki-1"]
    context = found.printers["oki-1"]
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (
            {"certificate": "none.pem"},
            "tls.certificate: {0}/none.pem: no such file or directory; name a PEM file",
        ),
        ({"certificate": "."}, "tls.certificate: {0}: is a directory; name a PEM file"),
        (
            {"certificate": "cert.pem"},
            "tls.certificate: {0}/cert.pem: has no private key in PEM; name its file in tls.key",
        ),
        (
            {"certificate": "key.pem", "key": "key.pem"},
            "tls.certificate: {0}/key.pem: has no certificate in PEM",
        ),
        (
            {"certificate": "cert.pem", "key": "cert.pem"},
            "tls.key: {0}/cert.pem: has no private key in PEM",
        ),
        (
            {"certificate": "cert.pem", "key": "../other/key.pem"},
            "tls.key: {0}/../other/key.pem: is not the key of the certificate; name the two that "
            "belong together",
        ),
        (
            {"certificate": "cert.pem", "key": "key.pem", "client_ca": "key.pem"},
            "tls.client_ca: {0}/key.pem: has no certificate in PEM",
        ),
    ],
)
def test_a_mistake_names_key_and_file(site: Path, keys: dict[str, str], words: str) -> None:
    """And what to do about it, in one line."""
    SITE.write(site.parent / "other")
    assert problem(config(site, **keys)) == words.format(site)


def test_a_damaged_certificate_is_named(site: Path) -> None:
    """Whatever OpenSSL minds, it is one line."""
    for name, key in (("cert.pem", "certificate"), ("ca.pem", "client_ca")):
        whole = (site / name).read_text()
        (site / name).write_text(whole[:100] + "AAAA" + whole[104:])
        made = config(site, certificate="cert.pem", key="key.pem", client_ca="ca.pem")
        words = problem(made)
        assert words.startswith(f"tls.{key}: {site}/{name}: cannot be used (")
        assert words.endswith("); have a new one made")
        (site / name).write_text(whole)


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_a_passphrase_is_not_asked_for(site: Path, form: PrivateFormat) -> None:
    """A key that has one is a mistake, in both forms that PEM has for it."""
    key = load_pem_private_key((site / "key.pem").read_bytes(), None)
    locked = key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"secret"))
    (site / "locked.pem").write_bytes(locked)
    assert problem(config(site, certificate="cert.pem", key="locked.pem")) == (
        f"tls.key: {site}/locked.pem: has a passphrase; give the key without "
        "(openssl pkey -in … -out …)"
    )


def test_every_mistake_comes_in_one_go(site: Path) -> None:
    """Those of both directions; none twice."""
    text = f'[tls]\ncertificate = "none.pem"\nca = "none.pem"\n{printer(tls="true")}'
    with pytest.raises(ConfigError) as caught:
        certificates.load(parse(text, folder=site), time.time())
    assert [each.partition(":")[0] for each in caught.value.problems] == [
        "tls.certificate",
        "tls.ca",
    ]


def test_a_certificate_that_has_expired_is_said(tmp_path: Path) -> None:
    """It stops nobody who does without TLS: a warning, with the remedy."""
    folder = SITE.write(tmp_path / "old", until=LONG_AGO)
    found = certificates.load(config(folder, certificate="cert.pem", key="key.pem"), time.time())
    assert found.modalities is not None
    assert found.warnings == (
        f"tls.certificate: {folder}/cert.pem: has expired, modalities refuse it; put a renewed one "
        "there, and send the broker SIGHUP",
    )


def test_a_certificate_that_expires_soon_is_said(tmp_path: Path) -> None:
    """From thirty days before."""
    end = datetime.datetime(2101, 7, 1, tzinfo=datetime.UTC)
    folder = SITE.write(tmp_path / "tls", until=end)
    made = config(folder, certificate="cert.pem", key="key.pem")
    assert certificates.load(made, end.timestamp() - 31 * DAY_S).warnings == ()
    assert certificates.load(made, end.timestamp() - 29 * DAY_S).warnings == (
        f"tls.certificate: {folder}/cert.pem: expires on 2101-07-01; put a renewed one there, and "
        "send the broker SIGHUP",
    )
