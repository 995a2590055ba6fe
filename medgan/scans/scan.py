"""What a scan is: stored values on a grid, and which of its slices exist.

A `Scan` never hides what it does not know. Its grid covers the whole acquisition, gaps included;
`present` says which positions along the slice axis hold a slice, and `synthetic` which of those
were made by a program. Stored values keep their stored type; physical values are derived.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medgan.scans.grid import Grid
from medgan.scans.physical_view import PhysicalView


@dataclass(frozen=True)
class Source:
    """The files a scan came from.

    Parameters
    ----------
    root
        The file or folder the person named; every other path lies at or below it.
    files
        One path per slice position for classic DICOM (None in a gap), else the file itself.
    series_uid
        Series Instance UID of a DICOM source as read, else empty. Never written to a report.
    volume
        Index along the fourth dimension of a 4D file; None for a 3D one.
    n_volumes
        Length of the fourth dimension; 1 for a 3D file.
    frames
        Frame number (from 0) per position in an enhanced multi-frame object; empty otherwise.
    """

    root: Path
    files: tuple[Path | None, ...]
    series_uid: str = ""
    volume: int | None = None
    n_volumes: int = 1
    frames: tuple[int | None, ...] = ()


@dataclass(frozen=True)
class Gap:
    """A run of positions without a slice: first position and length along the scan's axis."""

    first: int
    length: int

    @property
    def positions(self) -> range:
        return range(self.first, self.first + self.length)


@dataclass(frozen=True, eq=False)
class Scan:
    """One volume of one scan, with its gaps.

    Parameters
    ----------
    id
        Relative folder and safe name, unique within one listing; also the stem of outputs.
    stored
        `(i, j, k)` in the type of the file. Positions that are not present hold whatever the
        file held there (NIfTI) or 0 (DICOM), and mean nothing.
    grid
        The whole stack, gaps included.
    axis
        Slice axis: 0, 1 or 2. DICOM stacks are always 2.
    present
        (n,) bool along `axis`: a slice is there.
    synthetic
        (n,) bool: the slice was made by a program (Synthetic Data (0008,001C) = YES).
    slope, intercept
        (n,) float64: physical = stored * slope + intercept at each position.
    modality
        `ct`, `mr`, `pt` or `ot`.
    format
        `dicom`, `nifti`, `nrrd` or `mha`: the format it came in and goes back to by default.
    instances
        Instance number per position (DICOM), None where there is none; empty for other formats.
    padding
        Stored value that marks voxels outside the field of view, or None.
    region
        `(i, j, k)` bool: the voxels that a program made, or is to make, where not all of a slice
        is; every slice it touches counts as `synthetic`. None: whole slices only.
    """

    id: str
    stored: NDArray[np.generic]
    grid: Grid
    axis: int
    present: NDArray[np.bool_]
    synthetic: NDArray[np.bool_]
    slope: NDArray[np.float64]
    intercept: NDArray[np.float64]
    modality: str
    format: str
    source: Source
    instances: tuple[int | None, ...] = ()
    padding: int | None = None
    notes: tuple[str, ...] = field(default=())
    region: NDArray[np.bool_] | None = None

    @property
    def affine(self) -> NDArray[np.float64]:
        """(4, 4) voxel index to RAS+ millimetres."""
        return self.grid.affine

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Voxel step along `(i, j, k)` in millimetres."""
        return self.grid.spacing_mm

    @property
    def n_positions(self) -> int:
        """Length of the stack, gaps included."""
        return int(self.present.size)

    @property
    def values(self) -> NDArray[np.float32]:
        """Physical values `(i, j, k)` float32 (HU for CT); NaN where no slice is present."""
        return np.asarray(self.physical)

    @property
    def physical(self) -> PhysicalView:
        """The same as `values`, derived only where it is looked at."""
        shape = [1, 1, 1]
        shape[self.axis] = self.n_positions
        slope, intercept, present = np.broadcast_arrays(
            self.stored, *(a.reshape(shape) for a in (self.slope, self.intercept, self.present))
        )[1:]
        return PhysicalView(self.stored, slope, intercept, present)

    @property
    def missing(self) -> tuple[int, ...]:
        """Positions without a slice, ascending."""
        return tuple(int(p) for p in np.flatnonzero(~self.present))

    @property
    def truth(self) -> NDArray[np.bool_]:
        """(n,) bool: slices that may stand for the truth when methods are tried out.

        The measured ones alone, since what a program made is as smooth as it was made; or every one
        of a scan that was virtual to begin with (a phantom), which its notes then say.
        """
        measured = self.present & ~self.synthetic
        return measured if measured.any() else self.present

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Runs of missing positions, ascending."""
        return runs(~self.present)

    @property
    def content_hash(self) -> str:
        """sha256 of what was measured and where, whatever file it lies in: hex, 64 digits.

        Slices that are not present do not count, nor do header texts; the grid counts to a
        micrometre.
        """
        digest = hashlib.sha256()
        digest.update(repr((self.stored.shape, self.stored.dtype.str.lstrip("<>=|"))).encode())
        digest.update((np.round(self.affine, 3) + 0.0).astype("<f8").tobytes())
        digest.update(np.packbits(self.present).tobytes())
        digest.update(np.stack([self.slope, self.intercept])[:, self.present].tobytes())
        for position in np.flatnonzero(self.present):
            digest.update(self.slice_bytes(int(position)))
        return digest.hexdigest()

    @property
    def made_voxels(self) -> NDArray[np.bool_]:
        """`(i, j, k)` bool: voxels a program made; whole slices, or those of `region` alone."""
        if self.region is not None:
            return self.region
        shape = [1, 1, 1]
        shape[self.axis] = self.n_positions
        return np.broadcast_to(self.synthetic.reshape(shape), self.stored.shape)

    def slice(self, position: int) -> NDArray[np.generic]:
        """Return the stored values of one position, as a 2D view."""
        view: NDArray[np.generic] = np.moveaxis(self.stored, self.axis, 0)[position]
        return view

    def slice_bytes(self, position: int) -> bytes:
        """Return the stored values of one position as little-endian bytes, i fastest."""
        return stored_bytes(self.slice(position))

    def slice_hash(self, position: int) -> str:
        """sha256 of `slice_bytes`: what a measured slice must still be after restoration."""
        return stored_hash(self.slice(position))

    def without(self, positions: Sequence[int]) -> Scan:
        """Return a copy in which these positions are missing (to hide or to fill them over)."""
        present = self.present.copy()
        present[list(positions)] = False
        return replace(
            self,
            present=present,
            synthetic=self.synthetic & present,
            region=self._region_with(positions, False),
        )

    def with_slices(self, positions: Sequence[int], values: Iterable[NDArray[np.floating]]) -> Scan:
        """Return a copy in which missing positions hold synthetic slices.

        Parameters
        ----------
        positions
            Missing positions to fill.
        values
            A plane `(a, b)` of physical values for each position, the two other voxel axes in
            order; they are asked for one by one. Quantised with the rescale of the position and
            clipped to the stored type, and kept off the padding value.

        Raises
        ------
        ValueError
            If a position holds a slice already: measured values are never written over.
        """
        where = list(positions)
        if self.present[where].any():
            raise ValueError("with_slices would write over slices that are present")
        stored = self.stored.copy()
        slabs = np.moveaxis(stored, self.axis, 0)
        limits = self._limits()
        for position, plane in zip(where, values, strict=True):
            slabs[position] = self._quantise(position, plane, limits)
        present, synthetic = self.present.copy(), self.synthetic.copy()
        present[where] = True
        synthetic[where] = True
        return replace(
            self,
            stored=stored,
            present=present,
            synthetic=synthetic,
            region=self._region_with(where, True),
        )

    def _region_with(self, positions: Sequence[int], made: bool) -> NDArray[np.bool_] | None:
        """Return the region with whole slices set or cleared; None where there is none."""
        if self.region is None:
            return None
        region = self.region.copy()
        np.moveaxis(region, self.axis, 0)[list(positions)] = made
        return region

    def with_region(self, region: NDArray[np.bool_]) -> Scan:
        """Return a copy in which these voxels `(i, j, k)`, too, are made or to be made."""
        whole = region | self.made_voxels
        others = tuple(axis for axis in range(3) if axis != self.axis)
        return replace(self, region=whole, synthetic=np.asarray(whole.any(axis=others)))

    def with_voxels(self, where: NDArray[np.bool_], values: NDArray[np.floating]) -> Scan:
        """Return a copy in which voxels of its `region` hold new values.

        Parameters
        ----------
        where
            `(i, j, k)` bool, within the region.
        values
            `(i, j, k)` physical values, used where `where` is set; quantised as in `with_slices`.

        Raises
        ------
        ValueError
            If a voxel lies outside the region: measured values are never written over.
        """
        if self.region is None or (where & ~self.region).any():
            raise ValueError("with_voxels would write over voxels that are measured")
        stored = self.stored.copy()
        limits = self._limits()
        views = (np.moveaxis(array, self.axis, 0) for array in (stored, values, where))
        for position, (slab, plane, chosen) in enumerate(zip(*views, strict=True)):
            if chosen.any():
                slab[chosen] = self._quantise(position, plane[chosen], limits)
        return replace(self, stored=stored)

    def _limits(self) -> tuple[int, int]:
        """Smallest and largest stored value of the slices that are there, for integer types.

        They bound what is filled: BitsStored may be narrower than the array's type.
        """
        if not np.issubdtype(self.stored.dtype, np.integer):
            return 0, 0
        slabs = np.moveaxis(self.stored, self.axis, 0)
        there = [slabs[position] for position in np.flatnonzero(self.present)]
        return min(int(s.min()) for s in there), max(int(s.max()) for s in there)

    def _quantise(
        self, position: int, plane: NDArray[np.floating], limits: tuple[int, int]
    ) -> NDArray[np.generic]:
        """Physical values to the stored type at one position."""
        exact = (plane.astype(np.float64) - self.intercept[position]) / self.slope[position]
        if not np.issubdtype(self.stored.dtype, np.integer):
            return np.asarray(exact, dtype=self.stored.dtype)
        low, high = limits
        whole = np.asarray(np.clip(np.rint(exact), low, high), dtype=self.stored.dtype)
        if self.padding is not None:
            step = 1 if self.padding < high else -1
            whole[whole == self.padding] = self.padding + step
        return whole


def stored_bytes(values: NDArray[np.generic]) -> bytes:
    """Return values as little-endian bytes, the first axis fastest."""
    return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes(order="F")


def stored_hash(values: NDArray[np.generic]) -> str:
    """sha256 of `stored_bytes`, of a slice as of any other array."""
    return hashlib.sha256(stored_bytes(values)).hexdigest()


def runs(flags: NDArray[np.bool_]) -> tuple[Gap, ...]:
    """Return the runs of True in a 1D array, ascending."""
    edges = np.diff(np.concatenate([[0], flags.astype(np.int8), [0]]))
    starts, stops = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return tuple(Gap(int(a), int(b - a)) for a, b in zip(starts, stops, strict=True))
