"""Who asks: signed in with a cookie, as a program with name and password, or on this machine.

Without users the page is for this machine alone, and whoever is on it is its operator. With users
everybody signs in. A session ends when it is idle, or when its user, role or password is changed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
import secrets
import threading
import time
from dataclasses import dataclass
from urllib.parse import quote

from fastapi import FastAPI, HTTPException, Request
from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.concurrency import run_in_threadpool

from broker.desk.doors import is_loopback, same_origin, stranger
from broker.desk.opened import Store
from broker.desk.passwords import verified
from broker.model.note import Note
from broker.model.user import Role, User
from broker.web.attempts import FailedSignIns
from broker.web.signing_key import signing_key

COOKIE, VISITOR = "broker_session", "broker_visitor"
IDLE_S = 12 * 3600
"""A session that nobody uses for so long is over."""
FRESH_S = 900
"""A cookie is written anew when it is older."""
KNOWN_S = 300.0
"""A program's name and password are compared again after so long: comparing is slow on purpose."""
KNOWN = 200
CSRF_FIELD, CSRF_HEADER = "csrf", "x-csrf-token"
LOCAL = "local"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Person:
    """Whoever asks."""

    name: str
    role: Role
    signed_in: bool = False
    program: bool = False
    """Name and password came with the request: no browser is behind it."""


class SignedOut(Exception):
    """Somebody who must sign in first."""


class SignIn:
    """Sessions of one data directory. For any thread."""

    def __init__(self, store: Store, note: Note) -> None:
        key = signing_key(store.config.data_dir)
        self._store = store
        self._note = note
        self._sessions = URLSafeTimedSerializer(key, salt="session")
        self._key = key
        self._failed = FailedSignIns(time.monotonic)
        self._comparing = threading.Lock()
        """Comparing takes 64 MiB on purpose: one at a time, and each knows of those before it."""
        self._known: dict[bytes, tuple[str, float]] = {}

    @property
    def needed(self) -> bool:
        """Whether anybody must sign in."""
        return self._store.users.any()

    def begin(self, name: str, password: str, address: str) -> str:
        """A session, as its cookie; empty when name or password is wrong. HTTPException 429."""
        found = self._verified(name, password, address)
        if found is None:
            return ""
        self._note("signed in", {"user": found[0].name, "address": address})
        user, kept = found
        return self._sessions.dumps(
            {"user": user.name, "mark": _mark(user, kept), "since": secrets.token_hex(8)}
        )

    def person(self, request: Request) -> Person:
        """Who asks; SignedOut. A session that is used goes on."""
        if not self.needed:
            return self._local(request)
        if request.headers.get("authorization", "").lower().startswith("basic "):
            return self._program(request)
        user, data, age_s = self._of_cookie(request.cookies.get(COOKIE, ""))
        if age_s > FRESH_S:
            request.state.renewed = self._sessions.dumps(data)
        return Person(user.name, user.role, signed_in=True)

    def still(self, request: Request, who: Person) -> bool:
        """Whether that person may still look, in the same role."""
        try:
            return self.person(request) == who
        except (SignedOut, HTTPException):
            return False

    def csrf(self, request: Request) -> str:
        """What a form of this visitor's page must bring back."""
        visitor = request.cookies.get(COOKIE) if self.needed else request.cookies.get(VISITOR)
        if not visitor:
            visitor = getattr(request.state, "visitor", "")
        if not visitor:
            visitor = request.state.visitor = secrets.token_urlsafe(18)
        of = self._of(visitor) if self.needed else visitor
        return hmac.new(self._key, f"csrf {of}".encode(), hashlib.sha256).hexdigest()

    def _of(self, cookie: str) -> str:
        """The session of a cookie, the same in one that renews it: forms of before stay good."""
        try:
            data = self._sessions.loads(cookie)
        except BadSignature:
            return cookie
        return f"{data['user']} {data['since']}"

    def _local(self, request: Request) -> Person:
        if not is_loopback(self._store.config.web.host):
            raise HTTPException(403, "there are no users: `broker user add` makes one")
        if words := stranger(request.headers.get("host", "")):
            raise HTTPException(400, words)
        return Person(LOCAL, Role.OPERATOR)

    def _of_cookie(self, cookie: str) -> tuple[User, dict[str, str], float]:
        """Its user, what is in it, and its age in seconds; SignedOut."""
        try:
            data, at = self._sessions.loads(cookie, max_age=IDLE_S, return_timestamp=True)
        except BadSignature:
            raise SignedOut from None
        found = self._store.users.password(data["user"])
        if found is None:
            raise SignedOut
        if not hmac.compare_digest(_mark(*found), data["mark"]):
            raise SignedOut
        return found[0], data, time.time() - at.timestamp()

    def _program(self, request: Request) -> Person:
        try:
            text = base64.b64decode(request.headers["authorization"][6:], validate=True).decode()
        except ValueError:
            raise SignedOut from None
        name, _, password = text.partition(":")
        seal = hmac.new(self._key, text.encode(), hashlib.sha256).digest()
        kept, until = self._known.get(seal, ("", 0.0))
        found = self._store.users.password(name)
        if found is None or kept != found[1] or time.monotonic() > until:
            address = request.client.host if request.client else ""
            found = self._verified(name, password, address)
            if found is None:
                raise SignedOut
            if len(self._known) >= KNOWN:
                self._known.clear()
            self._known[seal] = (found[1], time.monotonic() + KNOWN_S)
        return Person(found[0].name, found[0].role, signed_in=True, program=True)

    def _verified(self, name: str, password: str, address: str) -> tuple[User, str] | None:
        keys = (f"name {name[:64]}", f"address {address}")
        with self._comparing:
            if wait := math.ceil(self._failed.wait_s(*keys)):
                words = f"too many failed sign-ins: wait {wait} s"
                raise HTTPException(429, words, {"Retry-After": str(wait)})
            found = verified(self._store.users, name, password)
            if found is None:
                self._failed.failed(*keys)
            else:
                self._failed.succeeded(*keys)
        if found is None:
            # What is no user's name may be a password, typed into the wrong field.
            known = name if self._store.users.password(name) else ""
            self._note("sign-in failed", {"user": known, "address": address})
        return found


def _mark(user: User, kept: str) -> str:
    """Another one after the role or the password is changed."""
    return hashlib.sha256(f"{user.role} {kept}".encode()).hexdigest()[:16]


def install(app: FastAPI, store: Store, note: Note) -> None:
    """Sessions for this application."""
    app.state.signin = SignIn(store, note)


def person(request: Request) -> Person:
    """Who asks; SignedOut."""
    found: Person = request.app.state.signin.person(request)
    return found


def operator(request: Request) -> Person:
    """Who asks, when that is an operator; HTTPException 403."""
    found = person(request)
    if found.role is not Role.OPERATOR:
        raise HTTPException(
            403,
            f"{found.name} is a viewer, and this is for operators; "
            f"`broker user role {found.name} operator` makes one",
        )
    return found


async def checked(request: Request) -> None:
    """A change comes from this page's own forms and scripts, or from a program; HTTPException."""
    who = await run_in_threadpool(person, request)  # it may compare a password
    if who.program:
        return
    origin = request.headers.get("origin") or request.headers.get("referer") or ""
    host = request.headers.get("host", "")
    if origin and not same_origin(origin, request.url.scheme, host):
        raise HTTPException(403, "this was sent from another page; order it on the broker's own")
    brought = request.headers.get(CSRF_HEADER, "")
    if not brought and "form" in request.headers.get("content-type", ""):
        brought = str((await request.form()).get(CSRF_FIELD, ""))
    if not hmac.compare_digest(brought.encode(), csrf_token(request).encode()):
        raise HTTPException(
            403,
            "this page is too old, or sent without its token: load it again. A program sends its "
            "user's name and password (HTTP Basic), or the page's token as X-CSRF-Token",
        )


def csrf_token(request: Request) -> str:
    """For the forms of a page."""
    return str(request.app.state.signin.csrf(request))


def sign_in_address(request: Request) -> str:
    """Where to sign in, and come back from; an order is no page to come back to."""
    if request.method not in SAFE:
        return "/sign-in"
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return "/sign-in" if wanted == "/" else f"/sign-in?next={quote(wanted, safe='')}"


def nobody() -> Person:
    """For pages that everybody may see."""
    return Person("", Role.VIEWER)
