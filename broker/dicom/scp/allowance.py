"""What a modality may send, what each one has sent that no job has yet, and whose turn it is."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from broker.dicom import attributes, statuses
from broker.dicom.statuses import Fault
from broker.model.peers.caller import Caller
from broker.model.storage.disk import MB

AT_ONCE = 1
PATIENCE_S = 0.1
"""No association waits for longer: a disk that keeps one waiting must not keep all waiting."""


class Turns:
    """Shared by all associations. For any thread."""

    def __init__(self, at_once: int = AT_ONCE, patience_s: float = PATIENCE_S) -> None:
        self._free = threading.Semaphore(at_once)
        self._patience_s = patience_s

    @contextmanager
    def take(self) -> Iterator[None]:
        """Wait for a turn, or until the patience is over, and work."""
        taken = self._free.acquire(timeout=self._patience_s)
        try:
            yield
        finally:
            if taken:
                self._free.release()


K = TypeVar("K")


class Holdings:
    """Bytes of images that were not asked for yet, and of those that are coming, of each caller.
    For any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bytes: Counter[Caller] = Counter()
        self._of_address: Counter[str] = Counter()

    def change(self, caller: Caller, by: int) -> None:
        """Count `by` bytes more, or fewer."""
        with self._lock:
            _add(self._bytes, caller, by)
            _add(self._of_address, caller.address, by)

    def of(self, caller: Caller) -> int:
        """Bytes of one AE title at an address, in all its associations."""
        return self._bytes[caller]

    def of_address(self, address: str) -> int:
        """Bytes of one address, whatever its AE titles."""
        return self._of_address[address]


def _add(counter: Counter[K], key: K, by: int) -> None:
    counter[key] += by
    if not counter[key]:
        del counter[key]


class Share:
    """One association's part of the holdings."""

    def __init__(self, holdings: Holdings, caller: Caller) -> None:
        self._holdings = holdings
        self._caller = caller
        self.bytes = 0

    def become(self, size: int) -> None:
        """It holds `size` bytes now."""
        if size != self.bytes:
            self._holdings.change(self._caller, size - self.bytes)
            self.bytes = size

    @property
    def of_caller(self) -> int:
        """Bytes of all associations of its AE title at its address."""
        return self._holdings.of(self._caller)

    @property
    def whose(self) -> str:
        """The AE title and the address."""
        return str(self._caller)


MOST_COPIES = 100
"""Of a single film, wherever fewer sheets are allowed."""


@dataclass(frozen=True)
class Allowance:
    """What one modality may send."""

    image: int = 256 * MB
    """Bytes of one image."""
    session: int = 4096 * MB
    """Bytes of the images of a film session that were not asked for yet."""
    address: int = 8192 * MB
    """Likewise, of all film sessions of one AE title at an address."""
    film_boxes: int = 2000
    """Of a film session."""
    image_boxes: int = 400
    """Of a film box."""
    sheets: int = 10_000
    """Films x copies of one print request on a film session, each sent and counted for itself."""

    def check_image(self, size: int, replaced: int, share: Share) -> None:
        """Check whether an image of `size` bytes may come, instead of one of `replaced` bytes.

        Raises: Fault: 0xC605, for N-SET of an image box the status of too little memory for the
        image (PS3.4 H.4.3.1.2.1). The next, smaller one may be accepted.
        """
        if size > self.image:
            words = f"the image is larger than {self.image // MB} MB"
        elif share.bytes - replaced + size > self.session:
            words = f"the film session's images are larger than {self.session // MB} MB"
        elif share.of_caller - replaced + size > self.address:
            words = f"over {self.address // MB} MB unprinted of {share.whose}"
        else:
            return
        raise Fault(statuses.NO_MEMORY_FOR_IMAGE, words)

    def check_image_boxes(self, number: int) -> None:
        """Check how many image boxes a film box has.

        Raises: Fault: 0x0106 for its format.
        """
        if number > self.image_boxes:
            words = f"has {number} image boxes, limits.image_boxes is {self.image_boxes}"
            raise attributes.invalid("ImageDisplayFormat", words)

    def check_sheets(self, films: int, copies: int) -> None:
        """Check how many sheets a print request makes. The printer makes the copies of a single
        film: these need no room here, but are not endless.

        Raises: Fault: 0x0213 when they are more than any print needs.
        """
        most = self.sheets if films > 1 else max(self.sheets, MOST_COPIES)
        if films * copies > most:
            offending = [attributes.tag("NumberOfCopies")]
            words = f"films times copies are more than {most}"
            raise Fault(statuses.RESOURCE_LIMITATION, words, offending)
