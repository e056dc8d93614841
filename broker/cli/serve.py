"""`broker serve`: the relay, in the foreground until it is told to stop."""

from __future__ import annotations

import errno
import gc
import os
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.options import ConfigOption, configured
from broker.events import Event, Facts

if TYPE_CHECKING:
    from broker.config.schema import Config

COLLECTIONS = (700, 10, 10)
"""When Python looks for garbage, as it does by itself."""
LEAST_PORT = 1024
"""From here on any user may listen."""


def serve(
    ctx: typer.Context,
    config: ConfigOption = None,
    new_spool: Annotated[
        bool,
        typer.Option(
            "--new-spool",
            help="Begin an empty spool where the one that jobs refer to is lost, and hold jobs "
            "without pixels; for one start.",
        ),
    ] = False,
    web: Annotated[
        bool, typer.Option("--web/--no-web", help="Serve the System Overview, too.")
    ] = True,
) -> None:
    """Take films from modalities and print them, until stopped.

    It runs in the foreground; SIGTERM or Ctrl-C stops it. It needs a configuration file: `broker
    config init` writes one. Without printers in it, films are refused.

    SIGHUP reads the configuration again, certificates included: all of it at once, but for
    [broker], [limits], [web], [log] and the TLS port, which count from the next start and are named
    in the log. A file with mistakes, without printers, or with another data_dir or database.url is
    not taken over: the broker goes on with the one before, and `broker printers` says so.

    Log lines go to stderr. journald keeps them and makes room by itself; a file needs logrotate's
    copytruncate, or a program at the end of a pipe: SIGHUP does not open it again.

    Started by root, it becomes the user that owns the data folder.

    Example: broker serve --config /etc/broker/broker.toml
    """
    from broker.service.process_start import left_out

    with left_out("numpy", "PIL", "rich"):
        import structlog

        from broker.config import certificates
        from broker.config.file import ConfigError, required, warnings
        from broker.operations import data_folder
        from broker.service import logs, signals
        from broker.service.logs import log_writer
        from broker.spool.binding import SpoolMismatch
        from broker.spool.files import SpoolMissing
        from broker.store.database import FAILURES
        from broker.store.occupancy import Occupied
        from broker.store.schema import SchemaTooNew
        from broker.store.sqlite import DatabaseDamaged, SqliteError

    gc.set_threshold(*COLLECTIONS)
    was = os.geteuid()
    config = configured(ctx, config)
    try:
        file = required(config)
        settings, _ = certificates.read(config, time.time())
    except ConfigError as error:
        _say(*error.problems)
        raise typer.Exit(2) from error
    logs.configure(settings.log.level, settings.log.format)
    log = structlog.get_logger("broker")

    def note(event: Event, facts: Facts) -> None:
        getattr(log, event.level_of(facts))(str(event), **facts)

    for words in (*warnings(settings), *data_folder.remarks(settings)):
        log.warning("configuration", words=words)
    if os.geteuid() != was:
        log.info(
            "acting as the owner of the data folder", uid=os.geteuid(), words=_rights(settings)
        )
    # Whatever is made from here on, the page's process included, is its owner's alone.
    umask = os.umask(0o077)
    try:
        with log_writer():
            signals.serve(
                settings,
                lambda: certificates.read(file, time.time())[0],
                note,
                new_spool=new_spool,
                web=web,
            )
    except ConfigError as error:
        _say(*error.problems)
        raise typer.Exit(2) from error
    except (DatabaseDamaged, Occupied, SchemaTooNew, SpoolMismatch, SpoolMissing) as error:
        _say(str(error))
        raise typer.Exit(1) from error
    except (*FAILURES, SqliteError) as error:
        _say(f"the broker cannot start: {_refused(error, settings)}")
        raise typer.Exit(1) from error
    except OSError as error:
        _say(f"the broker cannot start: {_cause(error, settings)}")
        raise typer.Exit(1) from error
    finally:
        os.umask(umask)


def _refused(error: Exception, settings: Config) -> str:
    """What the database says."""
    from broker.operations.words.failures import of_database
    from broker.store.database import in_words

    return of_database(error, settings.database_file) or in_words(error)


def _cause(error: OSError, settings: Config) -> str:
    from broker.dicom.upper_layer.listening_sockets import CannotListen
    from broker.operations.words.failures import of_system

    if not isinstance(error, CannotListen):
        return of_system(error, str(settings.data_dir))
    if error.unknown_name:
        return (
            f"{error.where}: this name is not known here; use an address, or * for every interface"
        )
    if error.errno == errno.EINVAL and "fe80:" in error.where.lower():
        return f"{error.where}: a link-local address needs its interface, as in fe80::1%eth0"
    if error.errno in (errno.EACCES, errno.EPERM) and error.port < LEAST_PORT:
        return (
            f"{error.where}: ports below {LEAST_PORT} need a right of their own; give the service "
            "AmbientCapabilities=CAP_NET_BIND_SERVICE, or take another port"
        )
    return of_system(error, error.where)


def _rights(settings: Config) -> str:
    """What root could do, and the owner of the data folder may not."""
    web, tls = settings.web, settings.tls
    ports = [0 if tls.only else settings.broker.port]
    ports += [tls.port] if tls.certificate else []
    ports += [web.port] if web.on else []
    low = ", ".join(str(port) for port in ports if 0 < port < LEAST_PORT)
    if not low:
        return "files are made as that user"
    return (
        f"files are made as that user, who needs a right of his own for ports below {LEAST_PORT} "
        f"({low}): AmbientCapabilities=CAP_NET_BIND_SERVICE in the unit, or `sysctl "
        "net.ipv4.ip_unprivileged_port_start`"
    )


def _say(*lines: str) -> None:
    for line in lines:
        print(line, file=sys.stderr)  # noqa: T201 - for the person at the terminal
