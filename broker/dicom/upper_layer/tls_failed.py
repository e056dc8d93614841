"""How TLS with a peer fails, in words that tell whose certificate to look at."""

from __future__ import annotations

import ssl

from broker.dicom.upper_layer.wire_broken import Closed


class TlsFailed(Closed):
    """There is no TLS with this peer. `str()` says what it does wrong, as "the peer" goes on."""


_SAID = {
    "CERTIFICATE_EXPIRED": "finds our certificate expired",
    "CERTIFICATE_REVOKED": "finds our certificate revoked",
    "UNKNOWN_CA": "does not trust our certificate: it does not know its issuer",
    "BAD_CERTIFICATE": "does not accept our certificate",
    "CERTIFICATE_UNKNOWN": "does not accept our certificate",
    "UNSUPPORTED_CERTIFICATE": "does not accept our certificate",
    "ACCESS_DENIED": "denies us access",
    "CERTIFICATE_REQUIRED": "demands a certificate of ours",
    "PROTOCOL_VERSION": "speaks no version of TLS that we speak, which is 1.2 or newer",
    "HANDSHAKE_FAILURE": "finds no way of TLS that both of us can go, or demands a certificate",
}
"""What its alert says (RFC 8446 6.2), by the end of its name."""
_FOUND = {
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "shows no certificate",
    "UNSUPPORTED_PROTOCOL": "speaks no version of TLS that we speak, which is 1.2 or newer",
    "VERSION_TOO_LOW": "speaks no version of TLS that we speak, which is 1.2 or newer",
    "NO_SHARED_CIPHER": "offers no cipher suite that we take",
    "NO_SUITABLE_SIGNATURE_ALGORITHM": "takes no signature that our certificate can give",
}
"""What we find ourselves."""
_NOT_YET, _EXPIRED = 9, 10
_OTHER_NAME = frozenset({62, 64})
"""Of a host, and of an IP address."""


def in_words(error: ssl.SSLError) -> str:
    """What the peer does, as OpenSSL sees it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _of_certificate(error)
    reason = str(error.reason or "")
    for name, words in _SAID.items():
        if "_ALERT_" in reason and reason.endswith(name):
            return words
    told = reason.replace("_", " ").lower() or "no reason is known"
    return _FOUND.get(reason, f"breaks the rules of TLS ({told})")


def _of_certificate(error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code == _EXPIRED:
        return "shows a certificate that has expired: renew it there, or set the clock right"
    if error.verify_code == _NOT_YET:
        return "shows a certificate that is not valid yet: set the clock right, there or here"
    if error.verify_code in _OTHER_NAME:
        return (
            "shows a certificate for another host: call it by a name or an address that its "
            "certificate has"
        )
    return (
        f"shows a certificate that is not trusted ({error.verify_message}): put its issuer, or "
        "the certificate itself where it has none, into the file of tls.ca for a printer, of "
        "tls.client_ca for a modality"
    )
