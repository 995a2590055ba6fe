"""What all slices of one written series share, and which source slice each of them goes by."""

from __future__ import annotations

from dataclasses import dataclass

from medgan.scans.dicom_order import Identity, Order
from medgan.scans.dicom_source import CLASSIC, SourceSlice
from medgan.scans.scan import Scan

MODALITY_OF_CLASS = {
    "1.2.840.10008.5.1.4.1.1.2": "CT",
    "1.2.840.10008.5.1.4.1.1.4": "MR",
    "1.2.840.10008.5.1.4.1.1.128": "PT",
}


@dataclass(frozen=True, eq=False)
class RestoredSeries:
    """One series to write.

    Parameters
    ----------
    kept
        Source slices by position, of the positions that still hold what their file holds; of all
        where every slice is derived from its own.
    first
        The first of them: what must not differ within a series is taken from it.
    lossy
        Whether any source slice was lossily compressed at any time.
    """

    scan: Scan
    order: Order
    identity: Identity
    kept: dict[int, SourceSlice]
    first: SourceSlice
    lossy: bool

    @property
    def sop_class(self) -> str:
        return CLASSIC.get(self.first.sop_class, self.first.sop_class)

    @property
    def modality(self) -> str:
        return MODALITY_OF_CLASS.get(self.sop_class, "")

    def neighbours(self, position: int) -> tuple[int | None, int | None]:
        """Nearest kept positions before and after."""
        before = [at for at in self.kept if at < position]
        after = [at for at in self.kept if at > position]
        return max(before, default=None), min(after, default=None)

    def template(self, position: int) -> SourceSlice:
        """Slice whose header is used: its own, or that of the nearer neighbour (the lower of two).

        The rescale of a missing position was chosen by the same rule when the scan was read.
        """
        nearest = min(self.kept, key=lambda at: (abs(at - position), at))
        return self.kept[nearest]
