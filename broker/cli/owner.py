"""Commands act as the owner of the data folder, so that no file in it ever belongs to another.

Root changes to that user for good before the command opens any file of the data folder; it keeps
no right of root's. The person who typed the command stays known by SUDO_USER, as with `sudo -u`.
Any other user is refused, with the account and what to type.
"""

from __future__ import annotations

import getpass
import os
import pwd
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

import broker
from broker.operations.words.failures import Failure

if TYPE_CHECKING:
    from broker.config.schema import Config


def person() -> str:
    """The user of the system, and behind sudo the one who called it."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = f"user {os.getuid()}"  # none of that number is known to the system
    return os.environ.get("SUDO_USER", "") or name


ROOT = 0
PROGRAM = "broker"


class Ruling(StrEnum):
    """What a process does that is to open a data folder."""

    GO_ON = "go on"
    BECOME = "become"
    """It is root's, and changes to the folder's owner."""
    REFUSE = "refuse"


def ruling(uid: int, owner: int | None) -> Ruling:
    """What a process of user `uid` does with a data folder of user `owner`; None: it is not there,
    and will be this user's own.
    """
    if owner is None or owner == uid:
        return Ruling.GO_ON
    return Ruling.BECOME if uid == ROOT else Ruling.REFUSE


@dataclass(frozen=True)
class Account:
    """A user of the system, as far as it is known there."""

    uid: int
    gid: int
    name: str
    """Empty where the system knows none of that number."""
    home: str

    @property
    def words(self) -> str:
        """The name, or the number."""
        return self.name or f"user {self.uid}"

    @property
    def typed(self) -> str:
        """As `sudo -u` takes it."""
        return shlex.quote(self.name or f"#{self.uid}")

    @classmethod
    def of(cls, uid: int, gid: int) -> Account:
        """The account of that number; `gid` counts where the system does not know it."""
        try:
            entry = pwd.getpwuid(uid)
        except KeyError:
            return cls(uid, gid, "", "/")
        return cls(uid, entry.pw_gid, entry.pw_name, entry.pw_dir)


def owner_of(settings: Config) -> Account | None:
    """Who owns the data folder, or where that is missing the database; None where there is neither.

    Raises: Failure: when this user cannot see whether the folder is there.
    """
    for path in (settings.data_dir, settings.database_file):
        try:
            found = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except PermissionError:
            raise Failure(
                f"{path}: {account().words} cannot see it; run this as the user that the broker "
                "runs as, or with sudo"
            ) from None
        return Account.of(found.st_uid, found.st_gid)
    return None


def act_as_owner(settings: Config, command: str, file: Path | None) -> None:
    """Be the owner of the data folder from now on, where this process is root's.

    `command` is what was typed, as `broker jobs`, and `file` the configuration, for the words.

    Raises: Failure: when this user is neither the owner nor root, or the owner cannot use this
    configuration or this installation.
    """
    owner = owner_of(settings)
    match ruling(os.geteuid(), None if owner is None else owner.uid):
        case Ruling.GO_ON:
            return
        case Ruling.REFUSE:
            assert owner is not None
            raise Failure(_refused(settings, owner, command, file))
        case Ruling.BECOME:
            assert owner is not None
            _become(owner, settings.data_dir)
            _require_readable(owner, settings.data_dir, file)


def refusal(settings: Config, command: str, file: Path | None) -> str:
    """What is said to a user who may not open the data folder; empty to its owner and to root."""
    try:
        owner = owner_of(settings)
    except Failure as error:
        return error.words
    if owner is None or ruling(os.geteuid(), owner.uid) is not Ruling.REFUSE:
        return ""
    return _refused(settings, owner, command, file)


@contextmanager
def permitted(folder: Path) -> Iterator[None]:
    """Meanwhile, a folder elsewhere is read or written, and what the owner of the data folder may
    not do there is said with what to type.

    Raises: Failure.
    """
    try:
        yield
    except PermissionError as error:
        path = Path(os.fsdecode(error.filename or folder))
        if not (path.is_relative_to(folder) or folder.is_relative_to(path)):
            raise
        me, name = account(), shlex.quote(str(folder))
        user = shlex.quote(me.name or str(me.uid))
        raise Failure(
            f"{path}: {me.words} has no permission, and commands act as the owner of the data "
            f"folder; `sudo install -d -m 700 -o {user} {name}` makes the folder for that user, "
            f"`sudo chown -R {user} {name}` gives it one that is there"
        ) from error


def account() -> Account:
    """The user that this process acts as."""
    return Account.of(os.geteuid(), os.getegid())


def _refused(settings: Config, owner: Account, command: str, file: Path | None) -> str:
    """The account, and what to type."""
    typed = sys.argv[1:]
    named = any(each in ("-c", "--config") or each.startswith("--config=") for each in typed)
    option = "" if file is None or named else f" -c {shlex.quote(str(file.absolute()))}"
    folder, me = shlex.quote(str(settings.data_dir)), account()
    words = (
        f"{settings.data_dir}: belongs to {owner.words}, and this is {me.words}; type "
        f"`sudo -u {owner.typed} {program()}{option} {shlex.join(typed)}`"
    )
    if owner.uid == ROOT or command.endswith(" serve"):
        words += (
            f"; or, if the broker is to run as {me.words}, "
            f"`sudo chown -R {me.name or me.uid}: {folder}`"
        )
    return words


def program() -> str:
    """This program as it is typed where PATH does not have its folder: `sudo` mostly sets a PATH of
    its own (secure_path in sudoers(5)), without the environments that Python's programs are in."""
    started = Path(sys.argv[0])
    beside = Path(sys.executable).with_name(PROGRAM)
    for each in (started.absolute(), beside):
        if each.name == PROGRAM and each.is_file():
            return shlex.quote(str(each))
    return f"{shlex.quote(sys.executable)} -m broker.cli.main"


def _become(owner: Account, folder: Path) -> None:
    """Give up all rights of root's, for good, and take on the owner's groups, then its number."""
    caller = person()
    groups = os.getgrouplist(owner.name, owner.gid) if owner.name else [owner.gid]
    try:
        os.setgroups(groups)
        os.setresgid(owner.gid, owner.gid, owner.gid)
        os.setresuid(owner.uid, owner.uid, owner.uid)
    except PermissionError:
        raise Failure(
            f"{folder}: belongs to {owner.words}, and this root may not change to it, mostly as a "
            f"container has taken CAP_SETUID and CAP_SETGID; run this as {owner.words} (uid "
            f"{owner.uid})"
        ) from None
    os.environ |= {"HOME": owner.home, "USER": owner.words, "LOGNAME": owner.words}
    os.environ.setdefault("SUDO_USER", caller)


def _require_readable(owner: Account, folder: Path, file: Path | None) -> None:
    """What root could read, and the broker cannot when it is started by the system."""
    acts = f"this acts as {owner.words}, who owns {folder}"
    if file is not None and not os.access(file, os.R_OK):
        raise Failure(
            f"{file.absolute()}: {owner.words} cannot read it, and {acts}; move it to a folder "
            "such as /etc/broker, and let that user read it"
        )
    # Commands import what they need when they need it.
    for module in (broker, typer, os):
        installed = Path(str(module.__file__)).parent
        if not os.access(installed, os.R_OK | os.X_OK):
            raise Failure(
                f"{installed}: {owner.words} cannot read this installation, and {acts}; install "
                "Python and the broker in folders that all may read, such as /opt/broker"
            )
