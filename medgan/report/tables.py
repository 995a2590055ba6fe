"""Records turned into what a page shows: order, summary, rows. No markup here."""

from __future__ import annotations

import hashlib
import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from medgan.record import Candidate, FilledSlice, Interval, ScanRecord, Task
from medgan.report.context import Cell

MIXTURE, BASELINE, UNCHANGED = "mixture", "linear", "input"
GRADES = ("poor", "unknown", "fair", "good")
"""Worst first: what could not be judged stands right after what was judged poor."""
STATUSES = ("failed", "restored", "synthetic", "copied", "complete")
TASKS: tuple[Task, ...] = ("gap", "end", "region", "thick", "noise")
RULER_KINDS = {"|": "measured", ".": "missing", "x": "damaged", "_": "empty"}


@dataclass(frozen=True)
class Summary:
    """Counts over a whole run."""

    n_scans: int
    n_restored: int
    n_complete: int
    n_virtual: int
    n_failed: int
    n_gaps: int
    n_filled: int
    n_refused: int
    n_set_aside: int

    def as_json(self) -> dict[str, int]:
        """Plain JSON."""
        return asdict(self)


def summarise(records: Sequence[ScanRecord], n_refused: int, n_set_aside: int) -> Summary:
    """Count scans by what became of them; `n_refused` and `n_set_aside` are numbers of files."""
    status = Counter(record.status for record in records)
    return Summary(
        n_scans=len(records),
        n_restored=status["restored"],
        n_complete=status["complete"] + status["copied"],
        n_virtual=status["synthetic"],
        n_failed=status["failed"],
        n_gaps=sum(n_gaps(record) for record in records),
        n_filled=sum(len(record.filled) for record in records),
        n_refused=n_refused,
        n_set_aside=n_set_aside,
    )


def n_gaps(record: ScanRecord) -> int:
    """Count runs of positions that were missing or filled over."""
    holes = sorted({*record.missing, *(made.position for made in record.filled)})
    return sum(1 for n, p in enumerate(holes) if n == 0 or p != holes[n - 1] + 1)


def worst_first(records: Sequence[ScanRecord]) -> list[ScanRecord]:
    """Order scans by how much they need a look: failed, then by grade and expected PSNR."""
    return sorted(
        records,
        key=lambda record: (
            STATUSES.index(record.status),
            GRADES.index(worst_grade(record)) if record.filled else len(GRADES),
            worst_psnr(record),
            record.id,
        ),
    )


def worst_grade(record: ScanRecord) -> str:
    """Grade of the worst filled slice or region; `unknown` where nothing was filled."""
    grades = [made.grade for made in record.filled]
    grades += [region.grade for region in record.regions]
    return min(grades, key=GRADES.index, default="unknown")


def worst_psnr(record: ScanRecord) -> float:
    """Lowest expected PSNR of the filled slices in dB; infinity where none can be told."""
    known = [made.psnr_db.value for made in record.filled if made.psnr_db is not None]
    return min((value for value in known if math.isfinite(value)), default=math.inf)


def is_all_made(record: ScanRecord) -> bool:
    """Whether every slice of a restored scan was made: thin slices of thick ones."""
    return bool(record.shape) and len(record.filled) == record.shape[record.axis]


def has_estimate(record: ScanRecord) -> bool:
    """Whether the expected error of any filled slice is known."""
    return any(made.psnr_db is not None for made in record.filled)


def has_section(record: ScanRecord) -> bool:
    """Whether there is more to say about a scan than its line in the overview."""
    return record.status in ("failed", "restored", "copied") or bool(
        record.pictures or record.notes
    )


@dataclass(frozen=True)
class CandidateRow:
    """A candidate beside the baseline.

    Parameters
    ----------
    gain_db
        PSNR over linear interpolation on the same hidden slices, or over the scan as it was read
        where noise was taken away; None without a baseline.
    """

    candidate: Candidate
    gain_db: float | None
    is_mixture: bool


@dataclass(frozen=True)
class CandidateTable:
    """All candidates for one task and length; the mixture first, then as the record has them."""

    gap_length: int
    rows: tuple[CandidateRow, ...]
    task: Task = "gap"

    @property
    def caption(self) -> str:
        """What was tried out, in words."""
        many = f"{self.gap_length} slice{'' if self.gap_length == 1 else 's'}"
        return {
            "gap": f"For gaps of {many}",
            "end": f"For {many} beyond an end",
            "region": "For the marked regions, on regions of their shape hidden elsewhere",
            "thick": "For thick slices, on averages of them one scale up",
            "noise": "For noise, against the scan without it, by Stein's estimate",
        }[self.task]

    @property
    def gain_db(self) -> float | None:
        """PSNR of the mixture over the baseline."""
        return next((row.gain_db for row in self.rows if row.is_mixture), None)


def candidate_tables(record: ScanRecord) -> list[CandidateTable]:
    """Put candidates side by side that were tried out for gaps of the same length."""
    kinds = {(TASKS.index(c.task), c.gap_length) for c in record.candidates}
    return [
        CandidateTable(
            length,
            _rows(
                [c for c in record.candidates if (c.task, c.gap_length) == (TASKS[task], length)]
            ),
            TASKS[task],
        )
        for task, length in sorted(kinds)
    ]


def _rows(candidates: Sequence[Candidate]) -> tuple[CandidateRow, ...]:
    baseline = next((c.psnr_db for c in candidates if c.name in (BASELINE, UNCHANGED)), None)
    rows = [
        CandidateRow(c, None if baseline is None else c.psnr_db - baseline, c.name == MIXTURE)
        for c in candidates
    ]
    return tuple(sorted(rows, key=lambda row: not row.is_mixture))


def gain_over_linear(record: ScanRecord) -> float | None:
    """PSNR of the mixture over linear interpolation in dB, mean over the lengths of its gaps."""
    tables = [table for table in candidate_tables(record) if table.task != "noise"]
    gains = [table.gain_db for table in tables if table.gain_db is not None]
    return statistics.fmean(gains) if gains else None


@dataclass(frozen=True)
class RulerRun:
    """A run of equal marks of a slice ruler, e.g. three missing positions."""

    kind: str
    first: int
    marks: str

    @property
    def title(self) -> str:
        """The run in words: `missing: 12-14`."""
        last = self.first + len(self.marks) - 1
        where = str(self.first) if last == self.first else f"{self.first}-{last}"
        return f"{self.kind}: {where}"


def ruler_runs(ruler: str) -> list[RulerRun]:
    """Split a ruler into runs; a mark it does not know counts as `measured`."""
    found: list[RulerRun] = []
    for position, mark in enumerate(ruler):
        kind = RULER_KINDS.get(mark, "measured")
        if found and found[-1].kind == kind:
            found[-1] = RulerRun(kind, found[-1].first, found[-1].marks + mark)
        else:
            found.append(RulerRun(kind, position, mark))
    return found


def number(value: float | None, digits: int = 2) -> str:
    """Write a figure for people; an en dash where there is none."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{value:.{digits}f}"


def cell(value: Cell) -> str:
    """Write one cell of a table: four significant digits for a fraction, else as it is."""
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else number(value)
    return "–" if value is None else str(value)


def interval(estimate: Interval | None, digits: int = 1) -> str:
    """Write an estimate with its 90 % interval: `31.8 (29.9 to 33.0)`."""
    if estimate is None:
        return "–"
    low, high = number(estimate.low, digits), number(estimate.high, digits)
    return f"{number(estimate.value, digits)} ({low} to {high})"


@dataclass(frozen=True)
class Bar:
    """An interval as a picture, in shares 0..1 of a common scale."""

    low: float
    value: float
    high: float


def interval_bars(filled: Sequence[FilledSlice]) -> list[Bar | None]:
    """Put the expected PSNR of each slice on one scale that holds them all, for a drawing."""
    known = [made.psnr_db for made in filled if made.psnr_db is not None]
    ends = [end for e in known for end in (e.low, e.value, e.high) if math.isfinite(end)]
    if not ends:
        return [None] * len(filled)
    start = min(ends) - 1.0
    span = max(ends) + 1.0 - start

    def share(value: float) -> float:
        return min(1.0, max(0.0, (value - start) / span)) if not math.isnan(value) else 0.0

    return [
        None
        if made.psnr_db is None
        else Bar(share(made.psnr_db.low), share(made.psnr_db.value), share(made.psnr_db.high))
        for made in filled
    ]


def measured_digest(record: ScanRecord) -> str:
    """Make one hash over the hashes of all measured slices: sha256 of `position:hash` lines."""
    lines = [f"{p}:{h}" for p, h in sorted(record.measured_hashes.items(), key=_by_position)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest() if lines else ""


def _by_position(entry: tuple[str, str]) -> tuple[int, str]:
    position = entry[0]
    return (int(position), position) if position.isdigit() else (-1, position)
