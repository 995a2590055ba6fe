"""Asking a DICOM node what it has: C-FIND, study root (PS3.4 annex C)."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # made at run time
    StudyRootQueryRetrieveInformationModelFind,
)

from medgan.errors import PeerError
from medgan.scans.names import safe_name
from medgan.scans.pacs.association import Link, accepts
from medgan.scans.pacs.peer import Instance, RemoteSeries, Wanted, as_count

MODEL = str(StudyRootQueryRetrieveInformationModelFind)
SYNTAXES = (ImplicitVRLittleEndian, ExplicitVRLittleEndian)
PENDING = (0xFF00, 0xFF01)
OUT_OF_RESOURCES = 0xA700


def find_series(link: Link, wanted: Wanted) -> list[RemoteSeries]:
    """Return the matching series, by UID; study-level values are looked up first."""
    studies = _find_studies(link, wanted) if wanted.asks_for_studies else [wanted.study]
    found = [series for study in studies for series in _find_series_of(link, wanted, study)]
    return sorted(set(found), key=lambda series: (series.study, series.series))


def find_instances(link: Link, series: RemoteSeries) -> list[Instance]:
    """Return the instances of a series, by UID."""
    keys = {
        "StudyInstanceUID": series.study,
        "SeriesInstanceUID": series.series,
        "SOPInstanceUID": "",
        "SOPClassUID": "",
    }
    answers = ask(link, "IMAGE", keys)
    found = {_text(a, "SOPInstanceUID"): _text(a, "SOPClassUID") for a in answers}
    return [Instance(uid, found[uid]) for uid in sorted(found) if uid]


def ask(link: Link, level: str, keys: dict[str, str]) -> list[Dataset]:
    """Send one query and return its answers.

    Raises
    ------
    PeerError
        If the node has no C-FIND, or refuses the query.
    BrokenOffError
        If it breaks off or is out of resources.
    """
    query = Dataset()
    query.QueryRetrieveLevel = level
    if not "".join(keys.values()).isascii():
        query.SpecificCharacterSet = "ISO_IR 192"
    for keyword, value in keys.items():
        setattr(query, keyword, value)
    answers: list[Dataset] = []
    with link.associated([(MODEL, SYNTAXES)]) as association:
        if not accepts(association, MODEL):
            raise PeerError(
                "the node cannot be asked what it has: it offers no C-FIND",
                where=link.address.url,
                hint="Use its DICOMweb address, or have C-FIND allowed for our title.",
            )
        for status, answer in association.send_c_find(query, MODEL):
            if status.get("Status") is None:
                raise link.broken()
            if status.Status in PENDING and answer is not None:
                answers.append(answer)
            elif status.Status not in (0, *PENDING):
                _raise_refused(link, int(status.Status), level)
    return answers


def _raise_refused(link: Link, status: int, level: str) -> None:
    if status == OUT_OF_RESOURCES:
        raise link.broken(f"the node is out of resources (status 0x{status:04X})")
    raise PeerError(
        f"the node refused the query (level {level}, status 0x{status:04X})",
        where=link.address.url,
        hint="Some nodes take --series only together with --study.",
    )


def _find_studies(link: Link, wanted: Wanted) -> list[str]:
    keys = {
        "StudyInstanceUID": wanted.study,
        "PatientID": wanted.patient,
        "AccessionNumber": wanted.accession,
    }
    return [
        _text(answer, "StudyInstanceUID")
        for answer in ask(link, "STUDY", keys)
        if wanted.has_study(*(_text(answer, keyword) for keyword in keys))
    ]


def _find_series_of(link: Link, wanted: Wanted, study: str) -> list[RemoteSeries]:
    keys = {
        "StudyInstanceUID": study,
        "SeriesInstanceUID": wanted.series,
        "Modality": wanted.modality.upper(),
        "SeriesDescription": "",
        "NumberOfSeriesRelatedInstances": "",
    }
    return [
        RemoteSeries(
            _text(answer, "StudyInstanceUID") or study,
            _text(answer, "SeriesInstanceUID"),
            _text(answer, "Modality"),
            safe_name(_text(answer, "SeriesDescription")),
            as_count(_text(answer, "NumberOfSeriesRelatedInstances")),
        )
        for answer in ask(link, "SERIES", keys)
    ]


def _text(answer: Dataset, keyword: str) -> str:
    try:
        return str(answer.get(keyword, "") or "").strip("\0 ")
    except Exception:  # pydicom converts late and raises whatever it meets
        return ""
