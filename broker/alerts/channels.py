"""Channels of notices: a webhook that takes JSON, and e-mail."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

from broker.alerts.delivery import Send
from broker.model.alert_rules import Notice
from broker.model.hosts import at_port
from broker.model.printable import one_line, printable_lines

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
