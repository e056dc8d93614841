"""`broker notify`: messages to people who are not looking."""

from __future__ import annotations

import time

import typer

from broker.cli.options import ConfigOption, configured

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def notify() -> None:
    """Send a test message, as section [notify] of the file says.

    Example: broker notify test
    """


@app.command("test")
def send_test(ctx: typer.Context, config: ConfigOption = None) -> None:
    """Send a test message by every way that is configured.

    Ways are notify.webhook and notify.mail_host. Exit code 0 when each was delivered.

    Example: broker notify test
    """
    from broker.config.file import load
    from broker.model.reasons.alert_rules import Notice
    from broker.operations.words.failures import FAILED, Failure
    from broker.service.alerts import ways

    found = ways(load(configured(ctx, config)))
    if not found:
        raise Failure("no notification can be sent: set notify.webhook, or notify.mail_host")
    notice = Notice("test", "a test message", "Messages of this broker arrive here.", time.time())
    failed = False
    for way, send in found.items():
        try:
            send(notice)
            typer.echo(f"{way}: delivered")
        except (OSError, ValueError) as error:
            failed = True
            typer.echo(f"{way}: not delivered: {error}", err=True)
    if failed:
        raise typer.Exit(FAILED)
