"""What each kind of refusal means, and what to do about it, in a sentence or two."""

from __future__ import annotations

from collections.abc import Mapping

from broker.model.refusal import Refusal

REMEDIES: Mapping[Refusal, str] = {
    Refusal.NOT_DICOM: (
        "Something else than DICOM was spoken: a port scanner, HTTP, or TLS on the port without "
        "it. If it is a modality, mend its port: for TLS it is tls.port; else leave it."
    ),
    Refusal.SILENT: (
        "Connected, and said nothing. Often a check of a load balancer or a monitor; let it use "
        "`broker check`, or leave it."
    ),
    Refusal.BROKEN_OFF: (
        "The peer hung up while it asked for an association. If a modality cannot print, look at "
        "the network and at firewalls between it and the broker."
    ),
    Refusal.TLS_FAILED: (
        "The log says why. Plain DICOM belongs on broker.port. A modality must trust who issued "
        "the broker's certificate, and have one of tls.client_ca where that is set."
    ),
    Refusal.PENDING_CUT: (
        "Too many connections without an association at once; the oldest was cut. Find who opens "
        "them; films are not concerned."
    ),
    Refusal.NO_DESCRIPTORS: (
        "The broker has too few file descriptors. Raise LimitNOFILE of its service, or `ulimit "
        "-n`, and start it again."
    ),
    Refusal.CALLED_AE: (
        "The modality calls another AE title than broker.ae_title. Mend it at the modality: it "
        "cannot print until then."
    ),
    Refusal.CALLING_AE: (
        "The peer gives no AE title of its own, or one with control characters. Set "
        "its own AE title at the modality: it cannot print until then."
    ),
    Refusal.APPLICATION_CONTEXT: (
        "The peer does not ask for DICOM's application context. It is no usual modality; ask its "
        "vendor."
    ),
    Refusal.PROTOCOL_VERSION: (
        "The peer speaks another version of the DICOM upper layer protocol. Ask its vendor."
    ),
    Refusal.TOO_MANY: (
        "All limits.associations were in use. Modalities try again; if it goes on, raise it, and "
        "find who holds so many."
    ),
    Refusal.TOO_MANY_OF_ONE: (
        "One address had limits.associations_per_peer at once. Modalities behind one gateway "
        "share an address: raise it for them."
    ),
    Refusal.TURNED_AWAY: (
        "The broker was stopping, or had no thread left. Modalities try again; if it goes on "
        "while it runs, look at its log."
    ),
    Refusal.SLOW: (
        "What had begun to come was not complete in limits.establish_s, or came more slowly than "
        "16 KB/s for limits.message_s. Look at the network to that peer."
    ),
    Refusal.IDLE: (
        "An association without any request for limits.idle_s was ended. Modalities open a new "
        "one; nothing to do."
    ),
    Refusal.MADE_ROOM: (
        "All places were taken, and an association that was not in use made room for another. If "
        "it is often so, raise limits.associations."
    ),
    Refusal.PDU_TOO_LONG: (
        "The peer sent more in one piece than was agreed, or no DICOM at all. If it is a modality, "
        "ask its vendor."
    ),
    Refusal.BROKEN_PROTOCOL: (
        "The peer broke DICOM's rules, and its association was aborted. If it is a modality, show "
        "its vendor the broker's log."
    ),
    Refusal.NOT_READING: (
        "The peer did not read the answers to what it asked. It hangs, or the network does: look "
        "at the modality."
    ),
    Refusal.DATA_SET_TOO_LARGE: (
        "A request had more beside its pixels than any print needs. If it is a modality, show its "
        "vendor the broker's log."
    ),
    Refusal.TOO_MUCH: (
        "One association made more film boxes, image boxes or LUTs than it may. If a modality "
        "needs them, raise limits.film_boxes."
    ),
    Refusal.WRONG_REQUEST: (
        "The standard does not allow what was asked, or it is not offered. The log's `request "
        "refused` has status and reason; show it to the modality's vendor."
    ),
    Refusal.DISK_NEARLY_FULL: (
        "New films were refused, as less disk was free than retention.floor_mb and no finished job "
        "had pixels left. Make room; `broker check` says whether it is still so."
    ),
    Refusal.QUEUE_FULL: (
        "Too much waits of one AE title at an address, of one address, or in all: the lines above "
        "say of whom. `broker jobs` says why; or raise limits.waiting_jobs, waiting_mb, queue_jobs."
    ),
    Refusal.IMAGE_NOT_STORED: (
        "An image was not taken: larger than limits.image_mb or session_mb, or the disk was full. "
        "The broker's log says which."
    ),
    Refusal.FILM_NOT_STORED: (
        "A print request failed: a full or failing disk, or a database that is locked, damaged or "
        "was replaced. The broker's log says which."
    ),
}


def remedy(kind: str) -> str:
    """What to say of a kind; nothing of one that another version has counted."""
    return REMEDIES[Refusal(kind)] if kind in set(Refusal) else ""
