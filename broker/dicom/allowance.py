"""What a modality may send, and what each address has sent that is still nobody's."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass

from broker.dicom import statuses
from broker.dicom.statuses import Fault
from broker.model.room import MB


class Holdings:
    """Bytes of images that were not asked for yet, of each address. For any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bytes: Counter[str] = Counter()

    def change(self, address: str, by: int) -> None:
        """So many more, or fewer."""
        with self._lock:
            self._bytes[address] += by
            if not self._bytes[address]:
                del self._bytes[address]

    def of(self, address: str) -> int:
        """Bytes of one address, in all its associations."""
        return self._bytes[address]


class Share:
    """One association's part of the holdings."""

    def __init__(self, holdings: Holdings, address: str) -> None:
        self._holdings = holdings
        self._address = address
        self.bytes = 0

    def become(self, size: int) -> None:
        """So many bytes are held by it now."""
        if size != self.bytes:
            self._holdings.change(self._address, size - self.bytes)
            self.bytes = size

    @property
    def of_address(self) -> int:
        """Bytes of all associations of its address."""
        return self._holdings.of(self._address)


@dataclass(frozen=True)
class Allowance:
    """What one modality may send."""

    image: int = 256 * MB
    """Bytes of one image."""
    session: int = 4096 * MB
    """Bytes of the images of a film session that were not asked for yet."""
    address: int = 8192 * MB
    """Likewise, of all film sessions of one address."""
    film_boxes: int = 2000
    """Of a film session."""
    sheets: int = 10_000
    """Films x copies of one print request on a film session, each sent and counted for itself."""

    def check_image(self, size: int, replaced: int, share: Share) -> None:
        """Whether an image of so many bytes may come, in the place of one of `replaced` bytes.

        Fault 0xC605: for N-SET of an image box, that is the status of too little memory for the
        image (PS3.4 H.4.3.1.2.1). It says nothing against the next, smaller one.
        """
        if size > self.image:
            words = f"the image is larger than {self.image // MB} MB"
        elif share.bytes - replaced + size > self.session:
            words = f"the film session's images are larger than {self.session // MB} MB"
        elif share.of_address - replaced + size > self.address:
            words = f"unprinted images of one address: over {self.address // MB} MB"
        else:
            return
        raise Fault(statuses.NO_MEMORY_FOR_IMAGE, words)

    def check_sheets(self, films: int, copies: int) -> None:
        """Fault 0x0213 when collated copies would make more films to be sent than any print needs.

        The copies of a single film are made by the printer.
        """
        if films > 1 and films * copies > self.sheets:
            raise Fault(
                statuses.RESOURCE_LIMITATION, f"films times copies are more than {self.sheets}"
            )
