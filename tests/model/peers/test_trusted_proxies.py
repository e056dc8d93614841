"""Whom a request comes from that passed a proxy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.model.peers.trusted_proxies import NO_PROXIES, RequestOrigin, TrustedProxies

ONE = TrustedProxies.of(["10.0.0.1", "192.0.2.0/24", "2001:db8::/64"])
PEER = RequestOrigin("10.0.0.1", "http")


@pytest.mark.parametrize(
    ("forwarded_for", "address"),
    [
        (["10.9.9.9"], "10.9.9.9"),
        (["1.2.3.4, 10.9.9.9"], "10.9.9.9"),
        (["1.2.3.4", "10.9.9.9"], "10.9.9.9"),
        (["10.9.9.9, 192.0.2.7"], "10.9.9.9"),
        (["10.9.9.9,192.0.2.7 , 10.0.0.1"], "10.9.9.9"),
        (["10.9.9.9:4711"], "10.9.9.9"),
        (["[fe80::9]:4711"], "fe80::9"),
        (["fe80::9, 2001:db8::1"], "fe80::9"),
        (["::ffff:10.9.9.9"], "10.9.9.9"),
        (["1.2.3.4, unknown"], "10.0.0.1"),
        (["1.2.3.4, unknown, 192.0.2.7"], "192.0.2.7"),
        (["192.0.2.7, 192.0.2.8"], "192.0.2.7"),
        ([""], "10.0.0.1"),
        ([], "10.0.0.1"),
    ],
)
def test_the_last_that_is_no_proxy_asks(forwarded_for: list[str], address: str) -> None:
    """Anybody may have written what stands before it; what is no address counts for nothing."""
    assert ONE.origin(PEER, forwarded_for, []).address == address


@pytest.mark.parametrize(
    ("forwarded_proto", "scheme"),
    [(["https"], "https"), (["http", "HTTPS"], "https"), (["https, http"], "http"),
     (["gopher"], "http"), ([""], "http"), ([], "http")],
)  # fmt: skip
def test_the_last_scheme_counts(forwarded_proto: list[str], scheme: str) -> None:
    """And only one that the page is served by."""
    assert ONE.origin(PEER, ["10.9.9.9"], forwarded_proto).scheme == scheme


@given(st.lists(st.text()), st.lists(st.text()))
def test_no_one_else_is_believed(forwarded_for: list[str], forwarded_proto: list[str]) -> None:
    """Whatever it writes; and whatever is written, it is an answer."""
    for peer in (RequestOrigin("10.0.0.2", "http"), RequestOrigin("", "https")):
        assert ONE.origin(peer, forwarded_for, forwarded_proto) == peer
    assert NO_PROXIES.origin(PEER, forwarded_for, forwarded_proto) == PEER
    assert ONE.origin(PEER, forwarded_for, forwarded_proto).scheme in ("http", "https")


@pytest.mark.parametrize(
    ("host", "known"),
    [("10.0.0.1", True), ("::ffff:10.0.0.1", True), ("10.0.0.2", False), ("192.0.2.255", True),
     ("2001:db8::9%eth0", True), ("", False), ("testclient", False)],
)  # fmt: skip
def test_a_proxy_is_known_by_its_address(host: str, known: bool) -> None:
    """However that is written."""
    assert (host in ONE) is known
