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
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from cachetools import TTLCache
from fastapi import HTTPException, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.concurrency import run_in_threadpool

from broker.events import Event, Note
from broker.model.peers.hosts import is_loopback
from broker.model.user import IDLE_S, LIFE_S, PageSession, Role, User, session_mark
from broker.operations.opened import Store
from broker.operations.page_sessions import open_sessions
from broker.operations.passwords import verified
from broker.web.auth.failure_notes import FailureNotes
from broker.web.auth.session_use import EVERY_S, SessionUse
from broker.web.auth.sign_in_attempts import FailedSignIns, SignInAttempt
from broker.web.auth.signing_key import signing_key
from broker.web.server import responses
from broker.web.server.limits import peer_of
from broker.web.server.responses import SAFE, RequestRefused, busy
from broker.web.server.worker import Worker, WorkerFull

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

    idle_s: int = IDLE_S
    """Without use."""
    life_s: int = LIFE_S
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
    """Of the user: see `session_mark`."""
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
        self._use = SessionUse(self._note_use, note)
        self._failures = FailureNotes(store.sign_in_failures.add, note, time.time)

    def start(self) -> None:
        """Begin to write down which sessions are used, and which sign-ins fail."""
        self._use.start()
        self._failures.start()

    def stop(self) -> None:
        """End that. Returns within two seconds or so."""
        self._use.stop()
        self._failures.stop()

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
        data = {
            "user": user.name,
            "mark": session_mark(user, kept),
            "since": secrets.token_hex(16),
            "began": int(time.time()),
        }
        self._use.seen(_session(data, _address(request)))
        return self._sessions.dumps(data)

    def end(self, request: Request) -> None:
        """The session of this request is over, wherever its cookie is."""
        permit: Permit | None = getattr(request.state, "permit", None)
        if permit is not None and permit.session:
            # Not until `until`: a copy of the cookie that was renewed runs out later.
            self._end(request, permit.name, permit.session, permit.ends)

    def own(self, request: Request) -> list[PageSession]:
        """The sessions of the person who asks, the last used first."""
        name = person(request).name
        return open_sessions(self._store, name, time.time(), self._use.unwritten(name))

    def current(self, request: Request) -> str:
        """Which of them this request came by; empty for a program."""
        permit: Permit | None = getattr(request.state, "permit", None)
        return permit.session if permit is not None else ""

    def end_own(self, request: Request, session: str) -> bool:
        """One of the person's own sessions is over; False where it is none of them."""
        found = next((each for each in self.own(request) if each.session == session), None)
        if found is not None:
            ends = found.began_at + self._times.life_s
            self._end(request, found.user, session, ends)
        return found is not None

    def end_others(self, request: Request) -> None:
        """All sessions of the person are over but this one, also those that are not listed."""
        name = person(request).name
        self._store.users.sign_out(name)
        self._note(Event.SESSIONS_ENDED, {"user": name, "address": _address(request)})
        found = self._store.users.password(name)
        if found is None or not (session := self.current(request)):
            return
        data = self._sessions.loads(request.cookies[COOKIE]) | {"mark": session_mark(*found)}
        request.state.renewed = self._sessions.dumps(data)
        self._use.ended(session)
        self._use.seen(_session(data, _address(request)))

    def _end(self, request: Request, user: str, session: str, ends: float) -> None:
        self._use.ended(session)
        self._store.sessions.end(session, ends)
        self._note(Event.SESSIONS_ENDED, {"user": user, "address": _address(request)})

    def _note_use(self, used: Sequence[PageSession]) -> None:
        now = time.time()
        # Of one that is used a little more than once in EVERY_S, the last use is not written yet.
        idle_since = now - self._times.idle_s - 2 * EVERY_S
        self._store.sessions.note(
            used, idle_since=idle_since, begun_before=now - self._times.life_s
        )

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
            and hmac.compare_digest(session_mark(*found), permit.mark)
            and not (permit.session and self._store.sessions.ended(permit.session))
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
            _number_of(data),
            issued + self._times.idle_s,
            data.get("began", 0) + self._times.life_s,
        )
        request.state.permit = permit
        found = self._store.users.password(permit.name)
        if found is None or not self.still(request, Person("", Role.VIEWER)):
            raise SignedOut
        self._use.seen(_session(data, _address(request)))
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
        request.state.permit = Permit(name, session_mark(*found))
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
            user = name if known else ""
            self._note(Event.SIGN_IN_FAILED, {"user": user, "address": address})
            self._failures.failed(user, address)
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
            words = (
                f"Too many failed sign-ins: wait {wait} s; until then no password is tried, the "
                "right one neither"
            )
            raise RequestRefused(429, words, {"Retry-After": str(wait)})

    def _device(self, cookie: str, name: str) -> str:
        """The number of a browser that has signed in as that name before; else empty."""
        try:
            data = self._devices.loads(cookie, max_age=DEVICE_S)
        except BadSignature:
            return ""
        return str(data["number"]) if data["user"] == name else ""


def _number_of(data: Mapping[str, Any]) -> str:
    """A session as the database has it: a hash of what its cookie says."""
    return hashlib.sha256(f"{data['user']} {data['since']}".encode()).hexdigest()


def _session(data: Mapping[str, Any], address: str) -> PageSession:
    """The session of a cookie, used now."""
    began = float(data.get("began", 0))
    return PageSession(
        _number_of(data), data["user"], data["mark"], began, time.time(), address[:64]
    )


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
            f"{found.name} is a viewer, and this is for operators; an administrator of the broker "
            "may give another role",
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
