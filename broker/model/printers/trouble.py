"""What can go wrong on the way to paper, in the words that decide what happens next.

Trouble
├── Unavailable    before the line: nothing was printed, repeat anywhere
├── Refused        the printer said no
├── Uncertain      asked, and no answer
├── OwnFault       before the line: the broker itself failed
└── SpoolDamaged   the film's own pixels are missing or altered
    └── RecordDamaged  what is written of the film was altered
"""

from __future__ import annotations


class Trouble(Exception):
    """An attempt cannot go on. `words` tells a person why, and names no patient."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


class Unavailable(Trouble):
    """The printer could not be reached, is busy or full, or broke off before the line.

    `associated` is true when the printer had accepted the association and then broke off: such an
    attempt may be the film's fault, so it counts against the job as well. `busy` is true when it
    rejected the association for now: that is no failure of the printer. `full` is true when it
    answered that it has no room for this film now; a smaller one may fit.
    """

    def __init__(
        self, words: str, *, associated: bool = False, busy: bool = False, full: bool = False
    ) -> None:
        super().__init__(words)
        self.associated = associated
        self.busy = busy
        self.full = full


class Refused(Trouble):
    """The printer answered with a failure status.

    `permanent` is true when the same film would be refused by it again; `learned` when it is known
    what of the film it refuses, or a person chose that: it is no failure of the printer.
    """

    def __init__(self, words: str, *, permanent: bool, learned: bool = False) -> None:
        super().__init__(words)
        self.permanent = permanent
        self.learned = learned


class Uncertain(Trouble):
    """N-ACTION left and no answer came: the film may be on paper or not."""


class OwnFault(Trouble):
    """The broker itself failed, before the line: by a fault, or because memory is missing.

    `permanent` is true when it would fail again with the same film and printer.
    """

    def __init__(self, words: str, *, permanent: bool = False) -> None:
        super().__init__(words)
        self.permanent = permanent


class SpoolDamaged(Trouble):
    """A spool file is missing, cannot be read, or its content is not what its name says."""


class RecordDamaged(SpoolDamaged):
    """What the database keeps of a film is not what was accepted."""


PRINT_AGAIN = "print it again at the modality"
"""The remedy for pixels that are gone."""
AS_CHOSEN = ", which a person chose"
"""Ends what a printer did not take of a reprint that is printed as chosen or not at all."""


class CannotStore(Exception):
    """The film cannot be put on stable storage: the modality must not be told success."""


class QueueFull(CannotStore):
    """As much of one AE title at an address, of one address, or in all, is unfinished as may: one
    that prints without end must not keep the others from printing. Its words name what is full, the
    number first, as an Error Comment has 64 characters."""


class DiskFull(CannotStore):
    """Less disk is free than must stay free, and nothing is left that could go."""


class NoPrinters(CannotStore):
    """No printer is configured: nothing would ever print the film."""

    words = "no printer is configured: add [[printers]] to the configuration file, then reload it"

    def __init__(self) -> None:
        super().__init__("no printer is configured")


class PixelsGone(CannotStore):
    """What was printed once cannot be printed again by the same association: its pixels were
    removed for room."""
