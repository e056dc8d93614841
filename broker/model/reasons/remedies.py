"""The causes of what printers and jobs show, and for each what a person does.

One table, for every face: the page names buttons and places on it, the command line what to type.
A cause without a remedy is an error of the table: a test goes through all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Face(StrEnum):
    """Where a person reads it."""

    PAGE = "page"
    COMMANDS = "commands"
    """The command line, and `broker top`."""


class Cause(StrEnum):
    """Why a printer takes no films, or a job does not come out."""

    # A printer that cannot be reached
    UNREACHABLE = "power or network"
    NOT_LISTENING = "service not running"
    HOST_NAME = "host name"
    CALLED_AE = "its AE title"
    CALLING_AE = "its list of AE titles"
    NO_PRINTING = "no print service"
    TLS_EXPECTED = "TLS"
    CERTIFICATE = "certificate"
    CLOCK = "clock"
    BROKE_OFF = "breaks off"
    BUSY = "busy"

    # A printer that says what is wrong with it
    JAM = "jam"
    COVER = "cover"
    SUPPLIES = "supplies"
    SUPPLIES_LOW = "supplies low"
    TRAY = "tray"
    SIZE = "size not loaded"
    WARMING = "warming up"
    DEVICE = "the printer itself"
    SAYS = "what it says"

    # A printer that answers, and does not print
    REFUSES_ALL = "refuses every film"
    FAILS_FILMS = "fails films"
    UNANSWERED = "leaves films unanswered"
    REFUSED_FILM = "refused a film"
    KNOWN_REFUSAL = "known to refuse"
    FULL = "full"

    # A printer that comes back, or that a person took out
    COMING_BACK = "coming back"
    PAUSED = "paused after a failure"
    NOT_CHECKED = "not checked yet"
    OFF_DUTY = "out of service"

    # A job that is held
    UNCERTAIN = "uncertain"
    REFUSED_BY_ALL = "refused by every printer"
    REFUSED_THERE = "refused where it is bound"
    CHOSEN = "refused as chosen"
    TRIES_USED_UP = "tries used up"
    PIXELS_GONE = "pixels gone"
    PIXELS_BACK = "pixels there again"
    HELD_BY_PERSON = "held by a person"
    DUPLICATE = "possible duplicate"
    HELD = "held"

    # A job that waits or prints
    NO_PRINTER_NOW = "no printer takes it now"
    PINNED_GONE = "bound to a printer that is gone"
    PINNED = "bound to one printer"
    BEHIND = "behind an earlier job"
    IN_LINE = "in line"
    NEXT_TRY = "tried again soon"
    AWAITED = "printing"
    CUT_OFF = "cut off"

    # A job that is finished
    ENDED = "finished"
    PIXELS_REMOVED = "pixels removed"

    # The broker as a whole
    NOT_RUNNING = "no broker runs"
    RELAY = "the broker hangs"
    SPOOL = "spool"
    ROOM = "disk full"
    LOCKED = "database locked"
    DATABASE = "database"
    DAMAGED = "database damaged"
    REPLACED = "database replaced"
    QUEUE = "queue full"
    NO_PRINTER = "no printers configured"
    HANGS = "disk or machine"
    STUCK = "nothing is accepted"


class Return(StrEnum):
    """What happens once the cause is gone."""

    ITSELF = "by itself"
    """Checks, or the next try, find it out; nothing is to be pressed or typed."""
    PERSON = "waits for a person"
    """Nothing moves before a person has said so here."""


PLACES = ("printer", "name", "job", "trays", "folder", "file", "again", "removed")
"""What a remedy may name: a printer, or several in words; the name that is typed, NAME for several;
a job's number; the printers whose trays
may have a film; the fuller disk's folder; the database; `again` or `after all`; when and why pixels
were removed."""


@dataclass(frozen=True)
class Remedy:
    """What to do about one cause. Places in braces are filled: `PLACES`."""

    back: Return
    words: str = ""
    """What is done where the cause is, whatever the face; may be empty."""
    page: str = ""
    """What is pressed on the page, and where."""
    command: str = ""
    """What is typed."""

    def at(self, face: Face, **places: object) -> str:
        """The sentences for that face."""
        there = self.page if face is Face.PAGE else self.command
        return " ".join(filter(None, (self.words, there))).format(**places)


_ITSELF, _PERSON = Return.ITSELF, Return.PERSON
_ADDRESS_ON_PAGE = "The address stands below the name; an administrator corrects it in the file."
_ADDRESS = "`broker config show` names the address."
_ASK = "`broker check` asks it again."
_MENDED_ON_PAGE = "Then “Mended, try again” at {printer}."
_MENDED = "Then `broker printers ready {name}`."
_PANEL = "Look at the panel of {printer}"
_HELP = "(Help: When something fails)"

REMEDIES: Mapping[Cause, Remedy] = {
    Cause.UNREACHABLE: Remedy(
        _ITSELF,
        "Look whether the power is on at {printer}, then at the network cable and the address.",
        _ADDRESS_ON_PAGE,
        _ADDRESS,
    ),
    Cause.NOT_LISTENING: Remedy(
        _ITSELF,
        "The machine answers, and no DICOM service runs on that port: wait for the start of "
        "{printer}, or restart it; else the address or port is wrong.",
        _ADDRESS_ON_PAGE,
        _ADDRESS,
    ),
    Cause.HOST_NAME: Remedy(
        _ITSELF,
        "Correct the host of {printer} in the configuration, or the name server.",
        _ADDRESS_ON_PAGE,
        _ADDRESS,
    ),
    Cause.CALLED_AE: Remedy(
        _ITSELF,
        "Set at {printer} the AE title that the broker calls, or correct its ae_title in the "
        "configuration.",
        "The AE title that it is called by stands below its name.",
        "`broker config show` names it.",
    ),
    Cause.CALLING_AE: Remedy(
        _ITSELF,
        "Add the broker's AE title to the list of AE titles at {printer}.",
        "It is named above, as “Called”.",
        _ASK,
    ),
    Cause.NO_PRINTING: Remedy(
        _ITSELF,
        "Let {printer} print grayscale for the broker, or correct its port: another service "
        "answers there.",
        _ADDRESS_ON_PAGE,
        _ADDRESS,
    ),
    Cause.TLS_EXPECTED: Remedy(
        _ITSELF,
        "Set tls of {printer} in the configuration as the printer has it, or correct its port.",
        "An administrator does that.",
        "`broker config check` reads the file again.",
    ),
    Cause.CERTIFICATE: Remedy(
        _ITSELF,
        "Put the certificate right that is named: at {printer}, or the broker's files.",
        "An administrator does that.",
        "`broker config check` looks at the broker's files.",
    ),
    Cause.CLOCK: Remedy(
        _ITSELF,
        "Set the clock right, of {printer} and of this machine; a certificate that is over is "
        "renewed at the printer.",
        "An administrator does that.",
        "`broker config check` looks at the broker's files.",
    ),
    Cause.BROKE_OFF: Remedy(
        _ITSELF,
        f"{_PANEL}; restart it where it hangs.",
        "“Test film” shows whether it prints.",
        _ASK,
    ),
    Cause.BUSY: Remedy(
        _ITSELF, "Nothing to do: {printer} had no place for one more association now."
    ),
    Cause.JAM: Remedy(_ITSELF, "Take the jammed film out of {printer}, and close it."),
    Cause.COVER: Remedy(_ITSELF, "Close the cover of {printer}."),
    Cause.SUPPLIES: Remedy(
        _ITSELF, "Put film, paper, toner or ribbon into {printer}, as its words name it."
    ),
    Cause.SUPPLIES_LOW: Remedy(_ITSELF, "Refill {printer} soon; films print on."),
    Cause.TRAY: Remedy(_ITSELF, "Empty the tray of {printer}, or put its tray in."),
    Cause.SIZE: Remedy(
        _PERSON,
        "Load the film size or medium in {printer} that it names.",
        _MENDED_ON_PAGE,
        _MENDED,
    ),
    Cause.WARMING: Remedy(
        _ITSELF, "Nothing to do: at {printer} something goes on that ends in a moment."
    ),
    Cause.DEVICE: Remedy(_ITSELF, f"{_PANEL}, and call its service if it does not recover."),
    Cause.SAYS: Remedy(_ITSELF, "Mend at {printer} what its words name."),
    Cause.REFUSES_ALL: Remedy(
        _PERSON,
        "Mend at {printer} what it refuses: mostly a size or medium that is not loaded, or a "
        "setting.",
        "Then “Mended, try again” at {printer}: what it refused is forgotten.",
        "Then `broker printers ready {name}`: what it refused is forgotten.",
    ),
    Cause.FAILS_FILMS: Remedy(
        _ITSELF,
        f"{_PANEL}, and mend what its words name. A film that it accepts brings it back by itself;",
        "“Mended, try again” does so at once.",
        "`broker printers ready {name}` does so at once.",
    ),
    Cause.UNANSWERED: Remedy(
        _PERSON,
        f"{_PANEL} and its tray, and restart it: each try may put a film on paper twice.",
        _MENDED_ON_PAGE,
        _MENDED,
    ),
    Cause.REFUSED_FILM: Remedy(
        _ITSELF,
        "Nothing to do for one film: other printers get it, and the next one is tried at {printer} "
        "by itself. Where it goes on, mend there what its words name.",
        _MENDED_ON_PAGE,
        _MENDED,
    ),
    Cause.KNOWN_REFUSAL: Remedy(
        _ITSELF,
        "Other films print there. Where that was changed at {printer},",
        "“Mended, try again” has it asked again; it is asked again by itself, too, in time.",
        "`broker printers ready {name}` has it asked again; it is asked again by itself, too, "
        "in time.",
    ),
    Cause.FULL: Remedy(_ITSELF, "Nothing to do: at {printer} there was no room for the film."),
    Cause.COMING_BACK: Remedy(_ITSELF, "Nothing to do: the checks of {printer} pass again."),
    Cause.PAUSED: Remedy(
        _ITSELF,
        "It is tried again by itself when the pause is over;",
        "“Mended, try again” does so at once.",
        "`broker printers ready {name}` does so at once.",
    ),
    Cause.NOT_CHECKED: Remedy(
        _ITSELF, "Nothing to do: the first check of {printer} comes within seconds."
    ),
    Cause.OFF_DUTY: Remedy(
        _PERSON,
        "",
        "“Ready” at {printer} puts it back in service.",
        "`broker printers ready {name}` puts it back in service.",
    ),
    Cause.UNCERTAIN: Remedy(
        _PERSON,
        "Look in the tray of {trays}.",
        "If the film is there: “Release: is on paper”. If it is not: “Release: print again”.",
        "If the film is there: `broker jobs release {job} --printed`. If it is not: `broker jobs "
        "release {job}` prints it again.",
    ),
    Cause.REFUSED_BY_ALL: Remedy(
        _PERSON,
        "Mend at the printer what it refused,",
        "then “Release”. Or print it otherwise, by “Print again otherwise” on the job's page (film "
        "size, medium, printer) or at the modality, then “Cancel” this one.",
        "then `broker jobs release {job}`. Or print it otherwise, by `broker jobs reprint {job} "
        "--film-size SIZE` (see its --help) or at the modality, then `broker jobs cancel {job}`.",
    ),
    Cause.REFUSED_THERE: Remedy(
        _PERSON,
        "It is bound to {printer}, which refused it.",
        "“Move”, below “More”, lets it go to any printer; or mend at {printer} what it refused, "
        "then “Release”.",
        "`broker jobs move {job} --any` lets it go to any printer; or mend at {printer} what it "
        "refused, then `broker jobs release {job}`.",
    ),
    Cause.CHOSEN: Remedy(
        _PERSON,
        "What a person chose for this reprint is printed so or not at all.",
        "“Reprint” with another choice, then “Cancel” this job; “Release” tries it once more.",
        "`broker jobs reprint {job}` with another choice, then `broker jobs cancel {job}`; `broker "
        "jobs release {job}` tries it once more.",
    ),
    Cause.TRIES_USED_UP: Remedy(
        _PERSON,
        "Mend what the printers' words name.",
        "“Release” prints what is left, “Cancel” gives it up.",
        "`broker jobs release {job}` prints what is left, `broker jobs cancel {job}` gives it up.",
    ),
    Cause.PIXELS_GONE: Remedy(
        _PERSON,
        "",
        "Its pixels are lost here: print it again at the modality, then “Cancel”. Released, it "
        "prints only if an equal film has come since: twice, then.",
        "Its pixels are lost here: print it again at the modality, then `broker jobs cancel {job}`."
        " Released, it prints only if an equal film has come since: twice, then.",
    ),
    Cause.PIXELS_BACK: Remedy(
        _PERSON,
        "Its pixels are there again:",
        "“Release” prints what is left.",
        "`broker jobs release {job}` prints what is left.",
    ),
    Cause.HELD_BY_PERSON: Remedy(
        _PERSON,
        "Ask the person who held it.",
        "The page of the job names them. “Release” prints what is left, “Cancel” gives it up.",
        "`broker jobs show {job}` names them. `broker jobs release {job}` prints what is left, "
        "`broker jobs cancel {job}` gives it up.",
    ),
    Cause.DUPLICATE: Remedy(
        _PERSON,
        "Compare it with the earlier job.",
        "“Release” prints it, “Cancel” gives it up.",
        "`broker jobs release {job}` prints it, `broker jobs cancel {job}` gives it up.",
    ),
    Cause.HELD: Remedy(
        _PERSON,
        "",
        "“Release” prints what is left, “Cancel” gives it up.",
        "`broker jobs release {job}` prints what is left, `broker jobs cancel {job}` gives it up.",
    ),
    Cause.NO_PRINTER_NOW: Remedy(
        _ITSELF,
        "It prints by itself once a printer takes it: what to do stands at each printer.",
        "The printers stand above the jobs.",
        "`broker printers` lists them.",
    ),
    Cause.PINNED_GONE: Remedy(
        _PERSON,
        "The printer that it is bound to is not in the configuration any more.",
        "“Move”, below “More”, sends it to another or to any.",
        "`broker jobs move {job} --any` lets any other printer take it.",
    ),
    Cause.PINNED: Remedy(
        _PERSON,
        "",
        "“Move”, below “More”, sends it to another or to any.",
        "`broker jobs move {job} --any` lets any other printer take it.",
    ),
    Cause.BEHIND: Remedy(_ITSELF, "It prints by itself after the earlier job of its film session."),
    Cause.NEXT_TRY: Remedy(_ITSELF, "Nothing to do: it is tried again by itself in a moment."),
    Cause.IN_LINE: Remedy(_ITSELF, "Nothing to do: it prints by itself when its turn comes."),
    Cause.AWAITED: Remedy(
        _ITSELF,
        "Nothing to do: when the printer does not answer in its time, the job goes on by itself, "
        "or is held as uncertain.",
    ),
    Cause.CUT_OFF: Remedy(
        _ITSELF,
        "It is settled by itself at the broker's next start.",
        "An administrator starts it on the broker's machine.",
        "`broker serve`, or your service, starts it.",
    ),
    Cause.ENDED: Remedy(
        _PERSON,
        "",
        "“Reprint” prints it {again}, as a new job.",
        "`broker jobs reprint {job}` prints it {again}, as a new job.",
    ),
    Cause.PIXELS_REMOVED: Remedy(
        _PERSON, "Its pixels were removed at {removed}: to have it again, print at the modality."
    ),
    Cause.NOT_RUNNING: Remedy(
        _PERSON,
        "",
        "An administrator starts it on the broker's machine.",
        "`broker serve`, or your service, starts it.",
    ),
    Cause.RELAY: Remedy(
        _PERSON,
        "",
        "An administrator restarts the broker's service and reads its log.",
        "Restart its service (`systemctl restart broker`); `journalctl -u broker` says more.",
    ),
    Cause.SPOOL: Remedy(
        _PERSON,
        "Stop the broker, mount the spool or move it back, then start it.",
        f"An administrator does that {_HELP}.",
        "`broker help when-something-fails` says more.",
    ),
    Cause.ROOM: Remedy(
        _ITSELF,
        "Make room in the file system of {folder}: less is free than retention.floor_mb.",
        f"An administrator does that {_HELP}.",
        "`broker purge --pixels-hours 1 --dry-run` says what finished jobs would give.",
    ),
    Cause.LOCKED: Remedy(
        _ITSELF,
        "End that program, mostly a backup that copies {file}, or an sqlite3 shell: print requests "
        "wait for up to 10 s and then fail, and nothing is sent until then.",
        "An administrator does that on the broker's machine.",
    ),
    Cause.DATABASE: Remedy(
        _PERSON,
        "Look at the disk and at the owner and mode of the database, and put them right.",
        f"An administrator does that {_HELP}.",
        "`broker db check` says whether it is damaged.",
    ),
    Cause.DAMAGED: Remedy(
        _PERSON,
        "Films may be refused, or not be printed: the broker is to be stopped.",
        f"An administrator looks what is hit, and brings a backup back {_HELP}.",
        "Then `broker db check` lists the damage; `broker restore DIR` brings a backup back.",
    ),
    Cause.REPLACED: Remedy(
        _PERSON,
        "Nothing is sent to any printer, and what is shown here may be of another database. Stop "
        "the broker, put the right database back as {file}, with the file of the same name and "
        "-wal,",
        f"then start it; an administrator does that {_HELP}.",
        "then `broker serve`. If it is lost: `broker restore --help`, or `broker spool adopt`.",
    ),
    Cause.QUEUE: Remedy(
        _ITSELF,
        "Let films come out: what to do stands at each printer and job; or raise "
        "limits.queue_jobs.",
        "Jobs that no person wants are cancelled in the list below.",
        "`broker jobs` says why each waits.",
    ),
    Cause.NO_PRINTER: Remedy(
        _PERSON,
        "What waits is kept, and prints then.",
        "An administrator does that.",
        "`broker help printers` says how.",
    ),
    Cause.HANGS: Remedy(
        _PERSON,
        "The database, the disk or the machine does not answer: look at the machine.",
        "An administrator does that.",
        "`dmesg` tells of a disk that fails.",
    ),
    Cause.STUCK: Remedy(
        _ITSELF,
        "Printers answer, and accept nothing: look at their panels.",
        "Each job's page says what it waits for.",
        "`broker jobs` says what each job waits for.",
    ),
}
