"""Channels of notices, a webhook that takes JSON, and e-mail; and delivery over each in a thread of
its own: a slow channel delays no other.
"""

from __future__ import annotations

import queue
import smtplib
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

from broker.events import Event, Note
from broker.model.peers.hosts import at_port
from broker.model.printable import one_line, printable_lines
from broker.model.reasons.alert_rules import Notice

WAITING = 100
"""Notices that wait for a channel that is down; further ones are dropped, and that is noted."""
FIRST_S, LONGEST_S = 5.0, 300.0
"""Pauses between tries double."""
TRIES = 12
GRACE_S = 1.0
"""For a delivery that is under way when the broker stops."""

Send = Callable[[Notice], None]
"""Delivers one notice. Raises: OSError, ValueError: when it could not."""


class ChannelDelivery:
    """The notices of one channel."""

    def __init__(self, channel: str, send: Send, note: Note, *, first_s: float = FIRST_S) -> None:
        self.channel = channel
        self._send = send
        self._note = note
        self._first_s = first_s
        self._waiting: queue.Queue[Notice | None] = queue.Queue(WAITING)
        self._stopping = threading.Event()
        self._current: Notice | None = None
        self._thread = threading.Thread(target=self._loop, name=f"notify-{channel}", daemon=True)

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def take(self, notice: Notice) -> None:
        """Deliver it when its turn comes."""
        try:
            self._waiting.put_nowait(notice)
        except queue.Full:
            self._note(Event.NOTICE_DROPPED, {"channel": self.channel, "event_told": notice.event})

    def halt(self) -> None:
        """Begin to stop: no more attempts."""
        self._stopping.set()
        with suppress(queue.Full):  # the thread wakes up for what is queued
            self._waiting.put_nowait(None)

    def stop(self) -> list[Notice]:
        """End; the notices that were not delivered. A delivery that hangs is not waited for: it
        counts as not delivered, and may arrive twice.
        """
        self.halt()
        if self._thread.is_alive():
            self._thread.join(GRACE_S)
        left = [self._current]
        while not self._waiting.empty():
            left.append(self._waiting.get_nowait())
        return [each for each in left if each is not None]

    def _loop(self) -> None:
        while not self._stopping.is_set():
            self._current = self._waiting.get()
            if self._current is not None and self._deliver(self._current):
                self._current = None

    def _deliver(self, notice: Notice) -> bool:
        """Whether it was delivered, or given up for good."""
        pause_s = self._first_s
        for number in range(1, TRIES + 1):
            try:
                self._send(notice)
            except Exception as error:  # noqa: BLE001 - the next notice is tried all the same
                facts = {"channel": self.channel, "event_told": notice.event, "why": str(error)}
                if number in (1, TRIES):
                    self._note(Event.NOTICE_NOT_DELIVERED, {**facts, "tries": number})
                if number == TRIES:
                    return True
                if self._stopping.wait(pause_s):
                    return False
                pause_s = min(LONGEST_S, 2 * pause_s)
            else:
                self._note(
                    Event.NOTICE_DELIVERED, {"channel": self.channel, "event_told": notice.event}
                )
                return True
        return True


PATIENCE_S = 20.0


@dataclass(frozen=True)
class NoticeFormat:
    """How a notice is written, for people and for programs."""

    sender: str
    """The broker's AE title."""
    page: str
    """The page's address; empty when it is not configured."""

    def text(self, notice: Notice) -> str:
        """The whole message."""
        when = f"{datetime.fromtimestamp(notice.at, UTC):%Y-%m-%d %H:%M:%S} UTC"
        link = f"\n{self.page}" if self.page else ""
        return f"{printable_lines(notice.text)}\n\n{when}, {self.sender}{link}\n"

    def subject(self, notice: Notice) -> str:
        """One line: it becomes a header of a mail."""
        return one_line(notice.subject)

    def document(self, notice: Notice) -> Mapping[str, object]:
        """The same as JSON."""
        return {
            "event": notice.event,
            "reminder": notice.reminder,
            "broker": self.sender,
            "subject": self.subject(notice),
            "text": printable_lines(notice.text),
            "at": datetime.fromtimestamp(notice.at, UTC).isoformat(timespec="seconds"),
            "printer": notice.printer,
            "jobs": list(notice.jobs),
            "page": self.page,
        }


@dataclass(frozen=True)
class Mail:
    """Sender, recipients and server of mail."""

    host: str
    port: int
    security: str
    """none, starttls or tls."""
    user: str
    password_file: str
    sender: str
    to: tuple[str, ...]


def webhook(url: str, form: NoticeFormat) -> Send:
    """POSTs JSON. Errors name the host alone: the rest of the address may be a secret.

    What it returns raises: OSError: when it could not, or the answer is not 2xx.
    """
    where = urlsplit(url).hostname or "webhook"

    def send(notice: Notice) -> None:
        import httpx  # here: a broker without a webhook does not need it

        try:
            answer = httpx.post(url, json=form.document(notice), timeout=PATIENCE_S)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise OSError(f"{where}: {type(error).__name__}") from error
        if not answer.is_success:
            raise OSError(f"{where} answered {answer.status_code}")

    return send


def mail(settings: Mail, form: NoticeFormat) -> Send:
    """Sends mail to all of `settings.to`."""

    def send(notice: Notice) -> None:
        message = EmailMessage()
        message["Subject"] = f"[{form.sender}] {form.subject(notice)}"
        message["From"] = settings.sender
        message["To"] = ", ".join(settings.to)
        message.set_content(form.text(notice))
        where = at_port(settings.host, settings.port)
        try:
            with _connected(settings) as server:
                if settings.user:
                    password = Path(settings.password_file).read_text(encoding="utf-8").strip()
                    server.login(settings.user, password)
                server.send_message(message)
        except smtplib.SMTPException as error:
            raise OSError(f"{where}: {error}") from error
        except OSError as error:
            raise OSError(f"{where}: {error.strerror or error}") from error

    return send


def _connected(settings: Mail) -> smtplib.SMTP:
    if settings.security == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(settings.host, settings.port, timeout=PATIENCE_S, context=context)
    server = smtplib.SMTP(settings.host, settings.port, timeout=PATIENCE_S)
    if settings.security == "starttls":
        server.starttls(context=ssl.create_default_context())
    return server
