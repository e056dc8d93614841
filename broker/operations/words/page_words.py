"""Sentences of the command line in the words of the page, which never tells people to type.

What is said of a job or printer names the same thing for both faces, and a command in backticks
where something is to be done. On the page that command is a button or a place; what only an
administrator does, on the broker's machine, is said so.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_JOB = r"(?P<job>\d+|ID)"
_NAME = r"(?P<name>[^\s`]+)"

PLACES: tuple[tuple[str, str], ...] = (
    (rf"broker jobs release {_JOB} --printed", "“Release: is on paper” at job {job}"),
    (rf"broker jobs release {_JOB}", "“Release” at job {job}"),
    (rf"broker jobs hold {_JOB}", "“Hold” at job {job}"),
    (rf"broker jobs cancel {_JOB}", "“Cancel” at job {job}"),
    (rf"broker jobs reprint {_JOB}(?: --again)?", "“Reprint” at job {job}"),
    (rf"broker jobs move {_JOB} --any", "“Move”, to any printer, at job {job}"),
    (rf"broker jobs move {_JOB} PRINTER", "“Move” at job {job}"),
    (rf"broker jobs move {_JOB} {_NAME}", "“Move”, to {name}, at job {job}"),
    (rf"broker jobs priority {_JOB} \w+", "“Set priority” at job {job}"),
    (rf"broker jobs (?:show|explain) {_JOB}(?: .*)?", "the page of job {job}"),
    (r"broker jobs --state held", "the tab “Held” of the jobs"),
    (r"broker jobs(?: --all)?", "the list of jobs"),
    (rf"broker printers ready {_NAME}", "“Ready” at {name}"),
    (rf"broker printers drain {_NAME}", "“Drain” at {name}"),
    (rf"broker printers (?:maint|halt) {_NAME}", "“Halt” at {name}"),
    (rf"broker printers forget {_NAME}", "“Forget”, on the page of {name},"),
    (rf"broker printers show {_NAME}", "the page of {name}"),
    (r"broker printers", "the list of printers"),
    (r"broker test-print(?: .*)?", "“Test film” at the printer"),
    (r"broker refusals(?: .*)?", "the page “Refusals”"),
    (r"broker help(?: .*)?", "Help"),
    (r"broker serve --new-spool", "a start with a new spool, by an administrator,"),
    (r"broker serve", "the broker's start, by an administrator,"),
    (r"broker db check", "an administrator's check of the database"),
    (r"broker restore(?: .*)?", "an administrator's restore"),
    (r"broker spool adopt", "an administrator's adoption of the spool"),
    (r"broker purge(?: .*)?", "an administrator's purge of pixels"),
    (r"broker config check", "an administrator's check of the configuration"),
    (r"broker user list", "an administrator's list of users"),
    (r"broker user (?:add|role|password)(?: .*)?", "an administrator"),
    (r"systemctl reload \S+", "a reload of its service"),
)
"""Each command that a sentence of the page may have had in it, and what stands there instead: a
clause that can be subject and object."""
PHRASES: tuple[tuple[str, str], ...] = (
    ("`broker serve`, or your service, starts it", "an administrator starts it on its machine"),
    ("then `broker serve` again", "then an administrator starts the broker again"),
    ("then `broker serve`", "then an administrator starts the broker"),
    ("`broker serve --new-spool` begins another", "an administrator can begin another"),
    ("then send SIGHUP (`systemctl reload broker`)", "then an administrator reloads it"),
)
"""Whole clauses that no place can stand in."""
ADMINISTRATOR = "an administrator's command on the broker's machine"
"""What stands for any other command."""

_COMPILED = tuple((re.compile(pattern), place) for pattern, place in PLACES)
_COMMAND = re.compile(r"`([^`]+)`")


def on_page(sentence: str) -> str:
    """The sentence without any command."""
    for typed, words in PHRASES:
        sentence = sentence.replace(typed, words)
    return _COMMAND.sub(_place(sentence), sentence)


def _place(sentence: str) -> Callable[[re.Match[str]], str]:
    def replaced(found: re.Match[str]) -> str:
        words = ADMINISTRATOR if _is_command(found[1]) else found[1]
        for pattern, place in _COMPILED:
            if named := pattern.fullmatch(found[1]):
                words = place.format(**named.groupdict()).replace("job ID", "the job")
                break
        before = sentence[: found.start()]
        first = not before or before.endswith(". ")
        return f"{words[:1].upper()}{words[1:]}" if first else words

    return replaced


def _is_command(text: str) -> bool:
    """Whether it is typed: other things stand between backticks, too, as keys of the file."""
    return text.split(" ", 1)[0] in ("broker", "systemctl", "journalctl", "sudo", "mv", "dmesg")
