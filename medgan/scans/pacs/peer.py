"""What the two ways to an archive have in common: the questions, the answers, and the faults."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from medgan.errors import PeerError, UsageError
from medgan.scans.pacs.outgoing import Outgoing

UNREACHED = "Check host and port, and any firewall between; --timeout gives it longer."
REASONS = {
    0x0122: "it does not take this kind of object",
    0x0124: "it does not allow us to store",
    0xA7: "it is out of resources",
    0xA9: "the content does not fit the kind of object",
    0xC0: "it cannot understand the content",
}
"""Status of PS3.4 table B.2-1, or its first byte."""
UID = re.compile(r"[0-9]+(\.[0-9]+)*")


class BrokenOffError(PeerError):
    """The connection broke, or the archive is too busy: the same again may well succeed."""


@dataclass(frozen=True)
class Wanted:
    """What to look for; all that is given has to match.

    Parameters
    ----------
    study, series
        UIDs.
    patient, accession
        Patient ID and accession number, whole: no wildcards.
    modality
        As DICOM writes it, e.g. CT; narrows the others.

    Raises
    ------
    UsageError
        If nothing is named that narrows the search, or a value could match more than itself.
    """

    study: str = ""
    series: str = ""
    patient: str = ""
    accession: str = ""
    modality: str = ""

    def __post_init__(self) -> None:
        if not any((self.study, self.series, self.patient, self.accession)):
            raise UsageError(
                "nothing says which scans", hint="Give --series, --study, --patient or --accession."
            )
        for name in ("study", "series"):
            value = getattr(self, name)
            if value and not (UID.fullmatch(value) and len(value) <= 64):
                raise UsageError(
                    "expected a UID: digits and dots, at most 64",
                    where=f"--{name}",
                    hint="`medgan pull ARCHIVE --patient ID --list` prints UIDs.",
                )
        for name in ("patient", "accession", "modality"):
            if re.search(r"[*?\\]|[^\x20-\uffff]", getattr(self, name)):
                raise UsageError(
                    "wildcards are not taken: they could match other patients",
                    where=f"--{name}",
                    hint="Give the whole value.",
                )

    @property
    def asks_for_studies(self) -> bool:
        """Some value belongs to the study level."""
        return bool(self.patient or self.accession)

    def has_study(self, study: str, patient: str, accession: str) -> bool:
        """Tell whether a study that the archive answered with is one that was asked for.

        An archive that does not know a key leaves it out of the comparison and answers with
        everything it has.
        """
        pairs = ((self.study, study), (self.patient, patient), (self.accession, accession))
        return all(not asked or asked.casefold() == found.casefold() for asked, found in pairs)

    def has_series(self, series: RemoteSeries) -> bool:
        """As `has_study`, for a series."""
        pairs = (
            (self.study, series.study),
            (self.series, series.series),
            (self.modality.upper(), series.modality.upper()),
        )
        return all(not asked or asked == found for asked, found in pairs)


@dataclass(frozen=True)
class RemoteSeries:
    """A series that an archive has.

    Parameters
    ----------
    description
        Made safe: letters, digits, `-` and `_`.
    n_instances
        As the archive says; None where it does not.
    """

    study: str
    series: str
    modality: str = ""
    description: str = ""
    n_instances: int | None = None


@dataclass(frozen=True)
class Instance:
    """One object of a series; the SOP class is empty where the archive does not say."""

    uid: str
    sop_class: str = ""


Keep = Callable[[str, bytes], None]
"""Takes the SOP instance UID and the whole file of an instance that arrived."""
Refuse = Callable[[str, str], None]
"""Takes the SOP instance UID of what will not come or go, and the reason."""
Sent = Callable[[Outgoing], None]


class Peer(Protocol):
    """An archive. Every call may raise `PeerError`, or `BrokenOffError` when it may be repeated."""

    def find(self, wanted: Wanted) -> list[RemoteSeries]:
        """Return the series that match, in a fixed order."""
        ...

    def instances(self, series: RemoteSeries) -> list[Instance]:
        """Return what a series holds."""
        ...

    def fetch(
        self,
        series: RemoteSeries,
        instances: Sequence[Instance],
        *,
        is_whole_series: bool,
        keep: Keep,
        refuse: Refuse,
    ) -> None:
        """Fetch instances of a series; each is kept as soon as it is here."""
        ...

    def held(self, study: str, series: str) -> frozenset[str]:
        """Return the SOP instance UIDs of a series that the archive has already.

        Empty where it cannot be asked.
        """
        ...

    def send(self, files: Sequence[Outgoing], *, sent: Sent, refuse: Refuse) -> None:
        """Send files; each is reported as soon as the archive confirms it."""
        ...

    def close(self) -> None:
        """End what is open."""
        ...


def store_reason(status: int) -> str:
    """Say what a status of C-STORE or a failure reason of STOW means."""
    words = REASONS.get(status) or REASONS.get(status >> 8, "it gave no reason")
    return f"{words} (status 0x{status:04X})"


def as_count(text: str) -> int | None:
    """Read a count; None where there is none."""
    return int(text) if text.isdecimal() else None
