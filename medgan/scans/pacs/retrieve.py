"""Fetching from a DICOM node: C-GET, so that it needs no way back to us (PS3.4 annex C).

Every storage class is proposed once per transfer syntax: the node then sends each instance as it
has it, compressed or not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydicom.dataset import Dataset
from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    EnhancedMRImageStorage,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)
from pynetdicom import evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # made at run time
    StudyRootQueryRetrieveInformationModelGet,
)

from medgan.errors import MedganError, PeerError
from medgan.scans.pacs.association import Link, accepts
from medgan.scans.pacs.peer import Instance, Keep, Refuse, RemoteSeries
from medgan.scans.pacs.query import PENDING, SYNTAXES

MODEL = str(StudyRootQueryRetrieveInformationModelGet)
USUAL_CLASSES = (
    CTImageStorage,
    MRImageStorage,
    EnhancedCTImageStorage,
    EnhancedMRImageStorage,
    PositronEmissionTomographyImageStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)
"""Proposed where the node does not say which classes it will send."""
TRANSFER_SYNTAXES = (
    "1.2.840.10008.1.2.1",  # explicit VR little endian
    "1.2.840.10008.1.2",  # implicit VR little endian
    "1.2.840.10008.1.2.1.99",  # deflated
    "1.2.840.10008.1.2.2",  # explicit VR big endian, retired
    "1.2.840.10008.1.2.5",  # RLE
    "1.2.840.10008.1.2.4.50",  # JPEG, 8 bit
    "1.2.840.10008.1.2.4.51",  # JPEG, 12 bit
    "1.2.840.10008.1.2.4.57",  # JPEG lossless
    "1.2.840.10008.1.2.4.70",  # JPEG lossless, first order
    "1.2.840.10008.1.2.4.80",  # JPEG-LS lossless
    "1.2.840.10008.1.2.4.81",  # JPEG-LS near lossless
    "1.2.840.10008.1.2.4.90",  # JPEG 2000 lossless
    "1.2.840.10008.1.2.4.91",  # JPEG 2000
    "1.2.840.10008.1.2.4.201",  # HTJ2K lossless
    "1.2.840.10008.1.2.4.202",  # HTJ2K lossless, RPCL
    "1.2.840.10008.1.2.4.203",  # HTJ2K
)
MAX_CLASSES = 7
"""Times 16 transfer syntaxes and the query itself: 113 of at most 128 contexts."""
MAX_UIDS = 64
"""UIDs in one request; a list of 64 UIDs stays below 4.2 kB."""
OUT_OF_RESOURCES, SUBOPERATIONS_FAILED = range(0xA700, 0xA800), 0xB000
STORED, NOT_ASKED_FOR, CANNOT_KEEP = 0x0000, 0xC000, 0xA700
"""What we answer for each instance that arrives."""


def get_instances(
    link: Link,
    series: RemoteSeries,
    instances: Sequence[Instance],
    *,
    is_whole_series: bool,
    keep: Keep,
    refuse: Refuse,
) -> None:
    """Fetch instances of a series, as `Peer.fetch`."""
    for classes, group in _by_classes(instances):
        uids = [instance.uid for instance in group]
        whole = is_whole_series and len(group) == len(instances)
        requests = [uids] if whole else [uids[n : n + MAX_UIDS] for n in _steps(uids)]
        receiver = _Receiver(frozenset(uids), keep)
        contexts = [(name, [syntax]) for name in classes for syntax in TRANSFER_SYNTAXES]
        with link.associated(
            [(MODEL, SYNTAXES), *contexts], roles=classes, on_store=receiver.receive
        ) as association:
            if not accepts(association, MODEL):
                raise PeerError(
                    "the node cannot be fetched from: it offers no C-GET",
                    where=link.address.url,
                    hint="Use its DICOMweb address; C-MOVE, which needs a port here, is not used.",
                )
            for part in requests:
                query = _query(series, None if whole else part)
                for status, failed in association.send_c_get(query, MODEL):
                    receiver.raise_fault()
                    refused = _failed_uids(failed, receiver.wanted)
                    for uid in refused:
                        refuse(uid, "the archive could not send it in any form that we take")
                    if not refused:  # else the status says no more than that
                        _judge(link, status)


class _Receiver:
    """Keeps what arrives, and the first fault that keeping it met."""

    def __init__(self, wanted: frozenset[str], keep: Keep) -> None:
        self.wanted = wanted
        self._keep = keep
        self._faults: list[MedganError] = []

    def receive(self, event: evt.Event) -> int:
        """Take one instance; what it raised would vanish in the log, so it is kept."""
        uid = str(event.request.AffectedSOPInstanceUID)  # type: ignore[union-attr]
        if self._faults:
            return CANNOT_KEEP
        if uid not in self.wanted:
            return NOT_ASKED_FOR
        try:
            self._keep(uid, event.encoded_dataset())
        except MedganError as fault:
            self._faults.append(fault)
            return CANNOT_KEEP
        return STORED

    def raise_fault(self) -> None:
        """Raise what keeping an instance met."""
        if self._faults:
            raise self._faults[0]


def _query(series: RemoteSeries, uids: Sequence[str] | None) -> Dataset:
    query = Dataset()
    query.QueryRetrieveLevel = "SERIES" if uids is None else "IMAGE"
    query.StudyInstanceUID = series.study
    query.SeriesInstanceUID = series.series
    if uids is not None:
        query.SOPInstanceUID = list(uids)
    return query


def _judge(link: Link, answer: Dataset) -> None:
    """Raise what a status of a C-GET answer means (PS3.4 table C.4-3)."""
    status = answer.get("Status")
    if status is None:
        raise link.broken()
    if status in OUT_OF_RESOURCES:
        raise link.broken(f"the node is out of resources (status 0x{status:04X})")
    if status not in (0, SUBOPERATIONS_FAILED, *PENDING):
        raise PeerError(
            f"the node refused to send (status 0x{status:04X})",
            where=link.address.url,
            hint="Have C-GET allowed there for our title, or use its DICOMweb address.",
        )


def _failed_uids(answer: Dataset | None, wanted: frozenset[str]) -> list[str]:
    listed = answer.get("FailedSOPInstanceUIDList") if answer is not None else None
    several = [listed] if isinstance(listed, str) else listed or []
    return [str(uid) for uid in several if str(uid) in wanted]


def _by_classes(
    instances: Sequence[Instance],
) -> Iterator[tuple[Sequence[str], Sequence[Instance]]]:
    """Group instances so that the SOP classes of a group fit into one association."""
    classes = sorted({instance.sop_class for instance in instances if instance.sop_class})
    for n in range(0, len(classes), MAX_CLASSES):
        part = classes[n : n + MAX_CLASSES]
        yield part, [instance for instance in instances if instance.sop_class in part]
    unknown = [instance for instance in instances if not instance.sop_class]
    if unknown:
        yield USUAL_CLASSES, unknown


def _steps(uids: Sequence[str]) -> range:
    return range(0, len(uids), MAX_UIDS)
