"""Who sends a request: a user with a session cookie, a program with HTTP Basic, or this machine.

Without users the page is for this machine alone, and each request is its operator's. With users
each person signs in. A session ends when its user signs out, when it is idle for too long, after
a week in any case, and when its user, role or password is changed.

Sessions use itsdangerous directly: Starlette's SessionMiddleware does not tell when a cookie was
signed, which renewal and open event streams need, and its cookies would end present sessions.
HTTP Basic is read here: FastAPI's HTTPBasic refuses passwords that are not ASCII (RFC 7617 2.1).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import math
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from cachetools import TTLCache
from fastapi import HTTPException, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.concurrency import run_in_threadpool

from broker.events import Event, Note
from broker.model.hosts import is_loopback
from broker.model.user import Role, User
from broker.operations.opened import Store
from broker.operations.passwords import verified
from broker.spool.private_file import write_private
from broker.web.auth.sign_in_attempts import FailedSignIns, SignInAttempt
from broker.web.server import responses
from broker.web.server.limits import peer_of
from broker.web.server.responses import SAFE, RequestRefused, busy
from broker.web.server.worker import Worker, WorkerFull

LENGTH = 32
"""Bytes."""


def signing_key(data_dir: Path) -> bytes:
    """The key; made when it is missing or not complete.

    Raises: OSError: when it cannot be read or written.
    """
    path = data_dir / "web.key"
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        key = b""
    if len(key) == LENGTH:
        return key
    write_private(path, secrets.token_bytes(LENGTH), durable=True, mark=f".{os.getpid()}")
    return path.read_bytes()


COOKIE, VISITOR, DEVICE = "broker_session", "broker_visitor", "broker_device"
DEVICE_S = 180 * 24 * 3600
"""How long a browser is known that has signed in as a user. It must sign in again all the same."""
KNOWN_S = 300.0
"""How long a program's name and password are not compared again: comparing is slow on purpose."""
KNOWN = 200
COMPARED, COMPARED_BY_ADDRESS = 8, 2
"""Passwords that are compared or wait for it, in all and of one address. One is compared at a time,
as comparing takes 64 MiB on purpose; each takes about a tenth of a second."""
CSRF_FIELD, CSRF_HEADER = "csrf", "x-csrf-token"
REALM = "DICOM print broker"
LOCAL = "local"


@dataclass
class SessionTimes:
    """When sessions end, in seconds. They may be changed while there are sessions."""

    idle_s: int = 12 * 3600
    """Without use."""
    life_s: int = 7 * 24 * 3600
    """In any case."""
    fresh_s: int = 900
    """A session's cookie is renewed when it is older."""


@dataclass(frozen=True)
class Person:
    """The person, or program, that asks."""

    name: str
    role: Role
    signed_in: bool = False
    program: bool = False
    """Name and password came with the request: no browser is behind it."""


@dataclass(frozen=True)
class Permit:
    """What a person signed in with."""

    name: str
    mark: str
    """Of the user's role and password: another one after either is changed."""
    session: str = ""
    """Its number in the database; empty for a program."""
    until: float = math.inf
    """When it ends if it is not used, in seconds since the epoch."""
    ends: float = math.inf
    """When it ends in any case."""


class SignedOut(Exception):
    """The request needs a sign-in."""


class SignIn:
    """Sessions of one data directory."""

    def __init__(self, store: Store, note: Note, times: SessionTimes) -> None:
        key = signing_key(store.config.data_dir)
        self._store = store
        self._note = note
        self._times = times
        self._sessions = URLSafeTimedSerializer(key, salt="session")
        self._devices = URLSafeTimedSerializer(key, salt="device")
        self._key = key
        self._failed = FailedSignIns(time.monotonic)
        self._comparing = Worker("passwords", waiting=COMPARED, by_key=COMPARED_BY_ADDRESS)
        self._known: TTLCache[bytes, str] = TTLCache(KNOWN, KNOWN_S)
        self._proving: dict[bytes, asyncio.Task[tuple[User, str] | None]] = {}
        """Comparisons that go on, for all requests that bring the same name and password."""

    def needed(self) -> bool:
        """Whether there are users, so that signing in is needed. Reads the database."""
        return self._store.users.any()

    def for_this_machine(self) -> bool:
        """Whether the page listens where only this machine reaches it."""
        return is_loopback(self._store.config.web.host)

    def crowded(self, address: str) -> bool:
        """Whether a further sign-in of that address would be refused now."""
        return self._comparing.full(peer_of(address))

    async def begin(self, request: Request, name: str, password: str) -> str:
        """A session, as its cookie; empty when name or password is wrong.

        Raises: RequestRefused: 429, too many failed before, or too many are compared now.
        """
        device = self._device(request.cookies.get(DEVICE, ""), name)
        request.state.slot.release()  # pages are made meanwhile
        found = await self._compared(name, password, device, _address(request))
        await request.state.slot.take()
        if found is None:
            return ""
        user, kept = found
        self._note(Event.SIGNED_IN, {"user": user.name, "address": _address(request)})
        if not device:
            known = {"user": user.name, "number": secrets.token_hex(8)}
            request.state.device = self._devices.dumps(known)
        return self._sessions.dumps(
            {
                "user": user.name,
                "mark": _mark(user, kept),
                "since": secrets.token_hex(16),
                "began": round(time.time()),
            }
        )

    def end(self, request: Request) -> None:
        """The session of this request is over, wherever its cookie is."""
        permit: Permit | None = getattr(request.state, "permit", None)
        if permit is not None and permit.session:
            # Not until `until`: a copy of the cookie that was renewed runs out later.
            self._store.ended_sessions.end(permit.session, permit.ends)

    async def identify(self, request: Request) -> Response | None:
        """Note in `request.state` who asks; the answer for one who must sign in first.

        Raises: RequestRefused: 429, as `begin`.
        """
        if not request.state.needed:
            request.state.person = Person(LOCAL, Role.OPERATOR)
            return None
        try:
            if request.headers.get("authorization", "").lower().startswith("basic "):
                await self._program(request)
            else:
                await run_in_threadpool(self._of_cookie, request)
        except SignedOut:
            return signed_out(request)
        return None

    def still(self, request: Request, who: Person) -> bool:
        """Whether that person may still look, in the same role. Reads the database."""
        permit: Permit | None = getattr(request.state, "permit", None)
        if permit is None:
            return who.name == LOCAL and not self.needed()
        if time.time() >= min(permit.until, permit.ends):
            return False
        found = self._store.users.password(permit.name)
        return (
            found is not None
            and hmac.compare_digest(_mark(*found), permit.mark)
            and not (permit.session and self._store.ended_sessions.ended(permit.session))
        )

    def csrf(self, request: Request) -> str:
        """What a form of this visitor's page must bring back."""
        needed = request.state.needed
        visitor = request.cookies.get(COOKIE) if needed else request.cookies.get(VISITOR)
        if not visitor:
            visitor = getattr(request.state, "visitor", "")
        if not visitor:
            visitor = request.state.visitor = secrets.token_urlsafe(18)
        of = self._of(visitor) if needed else visitor
        return hmac.new(self._key, f"csrf {of}".encode(), hashlib.sha256).hexdigest()

    def cookies(self, state: Mapping[str, object], *, https: bool) -> list[str]:
        """Set-Cookie headers of what came up while the request was answered: a session that begins
        or goes on, a new visitor, a browser that is known from now on."""
        carrier = Response()
        ages = {COOKIE: self._times.idle_s, VISITOR: None, DEVICE: DEVICE_S}
        for cookie, attribute in ((COOKIE, "renewed"), (VISITOR, "visitor"), (DEVICE, "device")):
            if value := state.get(attribute):
                carrier.set_cookie(
                    cookie,
                    str(value),
                    max_age=ages[cookie],
                    httponly=True,
                    samesite="strict",
                    secure=https,
                    path="/",
                )
        return carrier.headers.getlist("set-cookie")

    def _of(self, cookie: str) -> str:
        """The session of a cookie, the same in one that renews it: forms of before stay good."""
        try:
            data = self._sessions.loads(cookie)
        except BadSignature:
            return cookie
        return f"{data['user']} {data['since']}"

    def _of_cookie(self, request: Request) -> None:
        """Note who has that cookie, and renew it where it is old.

        Raises: SignedOut: when it is none, or its session has ended.
        """
        try:
            data, at = self._sessions.loads(
                request.cookies.get(COOKIE, ""), max_age=self._times.idle_s, return_timestamp=True
            )
        except BadSignature:
            raise SignedOut from None
        issued, now = at.timestamp(), time.time()
        # A cookie of a broker before sessions had an end says nothing of its beginning.
        permit = Permit(
            data["user"],
            data["mark"],
            hashlib.sha256(f"{data['user']} {data['since']}".encode()).hexdigest(),
            issued + self._times.idle_s,
            data.get("began", 0) + self._times.life_s,
        )
        request.state.permit = permit
        found = self._store.users.password(permit.name)
        if found is None or not self.still(request, Person("", Role.VIEWER)):
            raise SignedOut
        if now - issued > self._times.fresh_s:
            request.state.renewed = self._sessions.dumps(data)
        request.state.person = Person(found[0].name, found[0].role, signed_in=True)

    async def _program(self, request: Request) -> None:
        try:
            text = base64.b64decode(request.headers["authorization"][6:], validate=True).decode()
        except ValueError:
            raise SignedOut from None
        name, _, password = text.partition(":")
        seal = hmac.new(self._key, text.encode(), hashlib.sha256).digest()
        found = await run_in_threadpool(self._store.users.password, name)
        if found is None or self._known.get(seal) != found[1]:
            request.state.slot.release()  # pages are made meanwhile
            found = await self._proved(seal, name, password, _address(request))
            await request.state.slot.take()
            if found is None:
                raise SignedOut
        request.state.permit = Permit(name, _mark(*found))
        request.state.person = Person(found[0].name, found[0].role, signed_in=True, program=True)

    async def _proved(
        self, seal: bytes, name: str, password: str, address: str
    ) -> tuple[User, str] | None:
        """One comparison at a time for each `seal`: a program that asks several things at once
        brings the same name and password each time. It goes on when the first of them has gone.

        Raises: RequestRefused: 429, as `begin`.
        """
        proving = self._proving.get(seal)
        if proving is None:
            proving = asyncio.create_task(self._prove(seal, name, password, address))
            self._proving[seal] = proving
            proving.add_done_callback(lambda _: self._proving.pop(seal))
            # Where all callers have gone, nothing else retrieves its exception.
            proving.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        return await asyncio.shield(proving)

    async def _prove(
        self, seal: bytes, name: str, password: str, address: str
    ) -> tuple[User, str] | None:
        found = await self._compared(name, password, "", address)
        if found is not None:
            self._known[seal] = found[1]
        return found

    async def _compared(
        self, name: str, password: str, device: str, address: str
    ) -> tuple[User, str] | None:
        """The user of that name and password; None: there is none. The caller has no slot."""
        attempt = SignInAttempt(name[:64], peer_of(address), device)
        self._wait(attempt)  # before it takes a place that others may need
        try:
            found = await self._comparing.do(
                attempt.address, lambda: self._verified(attempt, name, password)
            )
        except WorkerFull:
            raise busy("too many sign-ins at once", status=429) from None
        if found is None:
            # What is no user's name may be a password, typed into the wrong field.
            known = await run_in_threadpool(self._store.users.password, name)
            facts = {"user": name if known else "", "address": address}
            self._note(Event.SIGN_IN_FAILED, facts)
        return found

    def _verified(
        self, attempt: SignInAttempt, name: str, password: str
    ) -> tuple[User, str] | None:
        """One after the other: each knows of the failures before it."""
        self._wait(attempt)
        found = verified(self._store.users, name, password)
        if found is None:
            self._failed.failed(attempt)
        else:
            self._failed.succeeded(attempt)
        return found

    def _wait(self, attempt: SignInAttempt) -> None:
        if wait := math.ceil(self._failed.wait_s(attempt)):
            words = f"too many failed sign-ins: wait {wait} s"
            raise RequestRefused(429, words, {"Retry-After": str(wait)})

    def _device(self, cookie: str, name: str) -> str:
        """The number of a browser that has signed in as that name before; else empty."""
        try:
            data = self._devices.loads(cookie, max_age=DEVICE_S)
        except BadSignature:
            return ""
        return str(data["number"]) if data["user"] == name else ""


def _mark(user: User, kept: str) -> str:
    """Another one after the role or the password is changed."""
    return hashlib.sha256(f"{user.role} {kept}".encode()).hexdigest()[:16]


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def person(request: Request) -> Person:
    """Who sends the request. Raises: SignedOut: when a sign-in is needed first."""
    found: Person | None = getattr(request.state, "person", None)
    if found is None:
        raise SignedOut
    return found


def operator(request: Request) -> Person:
    """Who sends the request. Raises: HTTPException: 403, when that is not an operator."""
    found = person(request)
    if found.role is not Role.OPERATOR:
        raise HTTPException(
            403,
            f"{found.name} is a viewer, and this is for operators; "
            f"`broker user role {found.name} operator` makes one",
        )
    return found


async def checked(request: Request) -> None:
    """Check that a change comes from this page's own forms and scripts, or from a program.

    Raises: HTTPException: 403, when it may come from elsewhere.
    """
    if person(request).program:
        return
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


def signed_out(request: Request) -> Response:
    """The answer for one who must sign in first."""
    if wants_json(request):
        words = "sign in first: with a user's name and password (HTTP Basic)"
        headers = {"WWW-Authenticate": challenge(request)}
        return JSONResponse({"error": words}, status_code=401, headers=headers)
    return RedirectResponse(sign_in_address(request), status_code=303)


def challenge(request: Request) -> str:
    """How to sign in (RFC 9110 11.6.1). A browser that has been here gets a scheme that it does not
    know: for Basic it would ask for a password above a page whose session has ended."""
    if request.cookies or CSRF_HEADER in request.headers:
        return f'Session realm="{REALM}"'
    return f'Basic realm="{REALM}", charset="UTF-8"'


def wants_json(request: Request) -> bool:
    """Whether a program asks, rather than a browser that shows what it gets."""
    return responses.wants_json(request.url.path, request.headers.get("accept", ""))


def sign_in_address(request: Request) -> str:
    """Where to sign in, and come back from; a command is no page to come back to."""
    if request.method not in SAFE:
        return "/sign-in"
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return "/sign-in" if wanted == "/" else f"/sign-in?next={quote(wanted, safe='')}"


def visitor() -> Person:
    """For pages that need no sign-in."""
    return Person("", Role.VIEWER)
