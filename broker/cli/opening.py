"""Opening the store for a command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from broker.cli.options import configured
from broker.config.file import FILE_NAME, ConfigError, load, locate
from broker.operations.opened import Store, store_of


@contextmanager
def opened(ctx: typer.Context, config: Path | None) -> Iterator[Store]:
    """The store that the configuration names.

    ConfigError; Failure, SchemaTooOld and SchemaTooNew in one line each; OSError.
    """
    file = configured(ctx, config)
    settings = load(file)
    if locate(file) is None and not settings.data_dir.exists():
        raise ConfigError(
            [
                f"no {FILE_NAME} and no {settings.data_dir.name} in {Path.cwd()}: go to the "
                "broker's folder, name the file with -c FILE, or export BROKER_CONFIG=FILE"
            ]
        )
    with store_of(settings) as store:
        yield store
