"""Presentation LUTs at a printer: each is created once on an association (PS3.4 H.4.9)."""

from __future__ import annotations

import struct
from dataclasses import replace

from pydicom.dataset import Dataset

from broker.dicom import attributes, luts
from broker.dicom.scu.adaptation import NO_OTHERS, REFUSALS, Adaptations, Asked
from broker.dicom.scu.answers import is_refused, judge, told
from broker.dicom.scu.print_scu import PrintScu
from broker.dicom.uids import PRESENTATION_LUT, fresh_uid
from broker.model.films.adaptations import OTHERS
from broker.model.films.capabilities import LUT, Combination, PrintObject, form
from broker.model.films.film import PresentationLut
from broker.model.printers.trouble import Refused

NO_CLASS = "does not support Presentation LUT"


class PrinterLuts:
    """Those of one association."""

    def __init__(self, scu: PrintScu, printer: str, adaptations: Adaptations) -> None:
        self._scu = scu
        self._printer = printer
        self._adaptations = adaptations
        self._made: dict[PresentationLut, tuple[str, list[str]]] = {}
        """UID of each, empty where it is left out; and what the printer did differently with it."""

    def refer(
        self, lut: PresentationLut, among: Combination, dataset: Dataset, remarks: list[str]
    ) -> bool:
        """Refer to a LUT in a data set; it is created the first time. One that changes nothing is
        left out for a printer that does not take it; whether it is there. `among` is what matters
        of the film beside.

        Raises: Refused: when the printer does not take one that is needed.
        """
        if lut not in self._made:
            self._made[lut] = self._create(lut, among)
        uid, said = self._made[lut]
        remarks += [each for each in said if each not in remarks]
        if uid:
            item = attributes.reference(PRESENTATION_LUT, uid)
            attributes.put_items(dataset, "ReferencedPresentationLUTSequence", [item])
        return bool(uid)

    def _create(self, lut: PresentationLut, among: Combination) -> tuple[str, list[str]]:
        level = PrintObject.FILM_BOX
        asked = Asked(level, {LUT: (form(lut),)}, NO_OTHERS)
        left_out = LUT in self._adaptations.left_out(asked)
        optional = LUT in self._adaptations.optional(level, asked.attributes)
        without = f"without Presentation LUT {form(lut)}: {self._printer} does not take it"
        if left_out or (optional and not self._scu.lut):
            return "", [without]
        if not self._scu.lut:
            raise Refused(f"{self._printer} {NO_CLASS}", permanent=True)
        remarks: list[str] = []
        step = "N-CREATE of the Presentation LUT"
        answer = self._scu.create(PRESENTATION_LUT, luts.write(lut), fresh_uid())
        if answer.status in REFUSALS and lut != lut.plain:
            answer = self._scu.create(PRESENTATION_LUT, luts.write(lut.plain), fresh_uid())
            if answer.status not in REFUSALS:
                remarks.append(f"LUT without {OTHERS}: {self._printer} does not take it")
        if answer.status not in REFUSALS:
            judge(self._printer, step, answer, remarks)
            return answer.instance_uid, remarks
        if optional:
            self._adaptations.leave_out(asked, frozenset({LUT}))
            return "", [without]
        said = f"{self._printer}: {step} answered {told(answer)}"
        if not self._takes_another(lut.plain):
            raise Refused(said, permanent=True)
        asked = replace(asked, among=among)
        what = self._adaptations.refuse(asked, frozenset({LUT}), answer.status)
        raise Refused(f"{said}; it refuses {what}", permanent=True, learned=True)

    def _takes_another(self, lut: PresentationLut) -> bool:
        """Whether it takes a LUT at all, and not of this form: then that is why it refuses this
        one; else it may be its content."""
        if lut.descriptor is not None and lut.entries > 1:
            entries, highest = lut.entries, (1 << lut.descriptor[2]) - 1
            ramp = [each * highest // (entries - 1) for each in range(entries)]
            table = struct.pack(f"<{entries}H", *ramp)
            if self._is_taken(replace(lut, table=table)):
                return False
        return self._is_taken(PresentationLut(shape="IDENTITY"))

    def _is_taken(self, lut: PresentationLut) -> bool:
        answer = self._scu.create(PRESENTATION_LUT, luts.write(lut), fresh_uid())
        if is_refused(answer.status):
            return False
        self._scu.delete(PRESENTATION_LUT, answer.instance_uid)
        return True
