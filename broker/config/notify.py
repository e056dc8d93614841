"""What the configuration may say of messages to people who are not looking."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from broker.config.section import Section
from broker.config.values import PemFile, Port, as_written, choice, host, seconds
from broker.model.address import HIDDEN


def _url(value: object) -> str:
    """Empty, or http(s). The value is not repeated: it may hold a password."""
    if isinstance(value, str) and value.startswith(HIDDEN):
        raise ValueError(
            "is what `broker config show` prints in place of a secret; write the address itself, "
            "which `broker config show --secrets` prints"
        )
    if not isinstance(value, str) or not (value == "" or value.startswith(("http://", "https://"))):
        raise ValueError('is not an address; use "" or one that begins with https:// or http://')
    return value


def _addresses(value: object) -> str:
    """Empty, or mail addresses with commas between them."""
    found = value.split(",") if isinstance(value, str) and value else []
    if not isinstance(value, str) or not all("@" in each.strip(" ")[1:-1] for each in found):
        raise ValueError(
            f"{as_written(value)} is not a mail address; use ruth@example.org, and commas between "
            "several"
        )
    return value


def _mail_host(value: object) -> str:
    """Empty, or a host."""
    return "" if value == "" else host(value)


MailHost = Annotated[str, BeforeValidator(_mail_host)]
Url = Annotated[str, BeforeValidator(_url)]
Addresses = Annotated[str, BeforeValidator(_addresses)]


class Notify(Section):
    """Messages about printers, held and waiting jobs and the disk; never about patients."""

    webhook: Url = Field(default="", description="POSTed to as JSON; empty: none")
    mail_host: MailHost = Field(default="", description="the mail server; empty: no mail")
    mail_port: Port = 25
    mail_security: Annotated[
        Literal["none", "starttls", "tls"], choice("none", "starttls", "tls")
    ] = Field(default="none", description="none, starttls or tls")
    mail_user: str = Field(default="", description="empty: the server wants no password")
    mail_password_file: PemFile = Field(
        default="", description="a file with the password alone; relative to this file"
    )
    mail_from: Addresses = Field(default="", description="whose mail it is")
    mail_to: Addresses = Field(default="", description="who gets it; commas between several")
    oldest_job_s: Annotated[float, seconds(1, 604800)] = Field(
        default=900.0, description="a queued job that is older waits too long"
    )
    reminder_s: Annotated[float, seconds(60, 604800)] = Field(
        default=3600.0, description="what lasts is told again after so long"
    )
    page: Url = Field(default="", description="where people find the page, for the messages")

    @property
    def to(self) -> tuple[str, ...]:
        """Who gets mail."""
        return tuple(each.strip() for each in self.mail_to.split(",") if each.strip())
