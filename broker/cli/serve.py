"""`broker serve`: the relay, in the foreground until it is told to stop."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from broker.config import Config, ConfigError, load


def serve(
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="The configuration file.")
    ] = None,
) -> None:
    """Take films from modalities and print them, until SIGTERM or Ctrl-C.

    SIGHUP reads the configuration again: printers, [health] and [retry] at once, the rest at the
    next start.

    Example: broker serve --config /etc/broker/broker.toml
    """
    import structlog

    from broker import logs
    from broker.service import Service
    from broker.store.occupancy import Occupied
    from broker.store.schema import SchemaTooNew

    settings = _load_or_exit(config)
    logs.configure(settings.log.level, settings.log.format)
    log = structlog.get_logger("broker")

    def note(event: str, facts: Mapping[str, object]) -> None:
        log.log(logs.level_of(event), event, **facts)

    def read_again() -> Config | None:
        try:
            return load(config)
        except ConfigError as error:
            log.error("configuration not readable, the old one stays", problems=error.problems)
            return None

    for warning in settings.warnings():
        log.warning("configuration", warning=warning)
    try:
        Service(settings, note).run(read_again)
    except (Occupied, SchemaTooNew) as error:
        _fail(str(error))
    except OSError as error:
        where = f"{settings.broker.host}:{settings.broker.port}"
        _fail(f"broker cannot start: {error.strerror or error} (listening on {where}, data in "
              f"{settings.data_dir}); is another program on that port, or the folder not ours?")


def _load_or_exit(path: Path | None) -> Config:
    try:
        return load(path)
    except ConfigError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)  # noqa: T201 - before there is a log
        raise typer.Exit(2) from error


def _fail(words: str) -> None:
    print(words, file=sys.stderr)  # noqa: T201 - for the person at the terminal
    raise typer.Exit(1)
