"""Certificates of a configuration: mistakes in them are named, and no passphrase is asked for."""

from __future__ import annotations

import datetime
import ssl
import time
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from broker.config import certificates
from broker.config.file import ConfigError, parse
from broker.config.schema import Config
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
    """Nothing is read, and no association is over TLS."""
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
    """With client_ca no peer gets in without."""
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
            "tls.certificate: {0}/key.pem: has no certificate in PEM; name the file of the "
            "broker's certificate",
        ),
        (
            {"certificate": "cert.pem", "key": "cert.pem"},
            "tls.key: {0}/cert.pem: has no private key in PEM; name the file of the certificate's "
            "key",
        ),
        (
            {"certificate": "key.pem", "key": "cert.pem"},
            "tls.certificate: {0}/key.pem: is the private key, and tls.key names the certificate; "
            "swap the two",
        ),
        (
            {"certificate": "cert.pem", "key": "../other/key.pem"},
            "tls.key: {0}/../other/key.pem: is not the key of the certificate; name the two that "
            "belong together",
        ),
        (
            {"certificate": "cert.pem", "key": "key.pem", "client_ca": "key.pem"},
            "tls.client_ca: {0}/key.pem: has no certificate in PEM; name the file of who issues "
            "modalities' certificates",
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
    """It stops no peer without TLS: a warning, with the remedy."""
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


def own_pair(key: CertificateIssuerPrivateKeyTypes, folder: Path) -> Path:
    """A certificate of this key, which has signed itself, as cert.pem and key.pem."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "broker")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    folder.mkdir()
    (folder / "cert.pem").write_bytes(made.public_bytes(Encoding.PEM))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(pem)
    return folder


def test_a_certificate_that_no_modality_can_use_is_named(tmp_path: Path) -> None:
    """Its curve is none of TLS: it can be read, and no peer can shake hands with it."""
    made = own_pair(ec.generate_private_key(ec.SECP256K1()), tmp_path / "odd")
    words = problem(config(made, certificate="cert.pem", key="key.pem"))
    assert words.startswith(f"tls.certificate: {made}/cert.pem: cannot be used (")
    assert words.endswith("); have a new one made")


def test_a_key_of_another_kind_is_not_its_key(site: Path, tmp_path: Path) -> None:
    """The usual slip of a renewal: an RSA key beside an EC certificate, or the other way."""
    other = own_pair(rsa.generate_private_key(65537, 2048), tmp_path / "rsa")
    made = config(site, certificate="cert.pem", key=str(other / "key.pem"))
    assert "is not the key of the certificate" in problem(made)


def test_the_broker_connects_to_its_own_port(site: Path, tmp_path: Path) -> None:
    """Where modalities must show a certificate of another authority, `broker check` calls it."""
    others = Authority().write(tmp_path / "others")
    keys = {"certificate": "cert.pem", "key": "key.pem", "client_ca": str(others / "ca.pem")}
    made = config(site, **keys)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    listener = certificates.called(made).wrap_bio(there, back, server_side=True)
    itself = certificates.calling_itself(made).wrap_bio(back, there)
    for end in (itself, listener, itself, listener):
        with suppress(ssl.SSLWantReadError):
            end.do_handshake()
    assert listener.getpeercert() is not None
    assert listener.version() == "TLSv1.3"


def authority(folder: Path, until: datetime.datetime) -> Path:
    """The certificate of an authority that ends then."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Hospital CA")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(LONG_AGO - datetime.timedelta(days=1))
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "authority.pem"
    file.write_bytes(made.public_bytes(Encoding.PEM))
    return file


@pytest.mark.parametrize("key", ["client_ca", "ca"])
def test_an_authority_that_has_expired_is_said(site: Path, key: str) -> None:
    """No peer with a certificate of it gets in, or is called: it is not the peers' fault."""
    file = authority(site, LONG_AGO)
    keys = {"certificate": "cert.pem", "key": "key.pem", key: "authority.pem"}
    (words,) = certificates.load(config(site, **keys), time.time()).warnings
    whose = "modalities" if key == "client_ca" else "printers"
    assert words == (
        f'tls.{key}: {file}: "Hospital CA" expired on 2001-01-01, {whose} of it are refused; put a '
        "renewed one there, and send the broker SIGHUP"
    )
    end = datetime.datetime(2101, 7, 1, tzinfo=datetime.UTC)
    authority(site, end)
    assert certificates.load(config(site, **keys), end.timestamp() - 31 * DAY_S).warnings == ()
    (soon,) = certificates.load(config(site, **keys), end.timestamp() - 29 * DAY_S).warnings
    assert '"Hospital CA" expires on 2101-07-01' in soon


def test_a_file_that_is_not_needed_yet_is_looked_at(site: Path) -> None:
    """Before the first printer over TLS is added, and is down for it."""
    made = config(site, certificate="cert.pem", key="key.pem", ca="none.pem")
    assert certificates.load(made, time.time()).warnings == (
        f"tls.ca: {site}/none.pem: no such file or directory; name a PEM file; it is not needed "
        "yet",
    )
