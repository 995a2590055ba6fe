"""A paragraph to paste into the methods section of a paper: what was done, with what."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from medgan.record import CorrectionKind, ScanRecord
from medgan.report.context import ReportContext
from medgan.report.tables import BASELINE, MIXTURE, gain_over_linear, is_all_made, n_gaps, number
from medgan.settings import digest

SHORT_HASH = 16
"""Hex digits of a hash in running text: 64 bits tell any two models apart."""


def methods_text(records: Sequence[ScanRecord], context: ReportContext) -> str:
    """Say in plain sentences what was done to these scans; empty if nothing was made."""
    restored = [record for record in records if record.filled]
    virtual = [record for record in records if record.status == "synthetic"]
    thinned = [record for record in restored if is_all_made(record)]
    restored = [record for record in restored if not is_all_made(record)]
    sentences = [
        *(_restored(restored, context) if restored else []),
        *(_thinned(thinned, context) if thinned else []),
        *_regions(records, context),
        *_corrected(records, context),
        *(_virtual(virtual, context) if virtual else []),
    ]
    if not sentences:
        return ""
    return " ".join([*sentences, _made_with(context)])


def _restored(records: Sequence[ScanRecord], context: ReportContext) -> list[str]:
    n_filled = sum(len(record.filled) for record in records)
    gaps = sum(n_gaps(record) for record in records)
    sentences = [
        f"In {_count(len(records), 'scan')} ({_modalities(records)}), {_count(n_filled, 'slice')} "
        f"missing in {_count(gaps, 'gap')} {'was' if n_filled == 1 else 'were'} filled with "
        f"medgan{_version(context)}{_models(records)}."
    ]
    n_beyond = sum(made.extrapolated for record in records for made in record.filled)
    if n_beyond:
        sentences.append(
            f"Of these, {n_beyond} lie beyond the last measured slice and were extrapolated "
            "classically."
        )
    scored = [record for record in records if record.n_hidden and not _is_ends_only(record)]
    if scored:
        sentences.append(_hidden(scored))
    expected = [m.psnr_db.value for r in records for m in r.filled if m.psnr_db is not None]
    if expected:
        sentences.append(
            f"The expected PSNR of the filled slices was {number(statistics.median(expected), 1)} "
            f"dB (median; range {number(min(expected), 1)} to {number(max(expected), 1)} dB)."
        )
        n_doubtful = sum(bool(r.filled) and not r.is_calibrated for r in records)
        if n_doubtful:
            sentences.append(
                f"In {_count(n_doubtful, 'scan')}, that expectation was not calibrated with what "
                "filled the slices."
            )
    if context.is_proved and all(record.measured_hashes for record in records):
        sentences.append(
            "Stored values of measured slices were left unchanged, which was verified by SHA-256 "
            "on re-reading; filled slices are marked as synthetic in the output."
        )
    return sentences


def _thinned(records: Sequence[ScanRecord], context: ReportContext) -> list[str]:
    n = sum(len(record.filled) for record in records)
    return [
        f"In {_count(len(records), 'scan')} ({_modalities(records)}), thick slices were taken for "
        f"averages over their thickness, and {_count(n, 'thin slice')} that agree with them on "
        f"averaging were estimated with medgan{_version(context)}{_models(records)}; all of them "
        "are synthetic, and marked so in the output."
    ]


def _regions(records: Sequence[ScanRecord], context: ReportContext) -> list[str]:
    n = sum(region.n_voxels for record in records for region in record.regions)
    if not n:
        return []
    return [
        f"{_count(n, 'voxel')} in marked regions were filled with medgan{_version(context)} by "
        "solving Laplace's equation with the voxels around as boundary values, and marked as "
        "synthetic in the output."
    ]


DONE: dict[CorrectionKind, str] = {
    "denoise": "noise was reduced by a mixture of methods, weighted on each scan by Stein's "
    "unbiased risk estimate",
    "gibbs": "Gibbs ringing was reduced by local sub-voxel shifts (DIPY)",
    "bias_field": "the bias field was estimated by N4 and divided by (SimpleITK)",
}


def _corrected(records: Sequence[ScanRecord], context: ReportContext) -> list[str]:
    changed = [record for record in records if record.corrections]
    if not changed:
        return []
    kinds = {one.kind for record in changed for one in record.corrections}
    done = "; ".join(text for kind, text in DONE.items() if kind in kinds)
    gains = [one.gain_db for r in changed for one in r.corrections if one.gain_db is not None]
    expected = f" (expected gain {number(statistics.mean(gains), 1)} dB, mean)" if gains else ""
    return [
        f"In {_count(len(changed), 'scan')} ({_modalities(changed)}), with medgan"
        f"{_version(context)}{_models(changed)}, {done}{expected}. Every slice of these scans is "
        "derived, and marked so in the output."
    ]


def _is_ends_only(record: ScanRecord) -> bool:
    return bool(record.filled) and all(made.extrapolated for made in record.filled)


def _hidden(records: Sequence[ScanRecord]) -> str:
    names = sorted(
        {c.name for r in records for c in r.candidates if c.name != MIXTURE and c.task == "gap"}
    )
    gains = [gain for gain in map(gain_over_linear, records) if gain is not None]
    text = (
        f"Before filling, {_count(sum(r.n_hidden for r in records), 'measured slice')} of the same "
        f"scans were hidden and predicted by each candidate method ({', '.join(names)}), and the "
        "methods were combined with weights fitted to these predictions"
    )
    if gains:
        text += (
            "; on the hidden slices the PSNR of the combination was "
            f"{number(statistics.mean(gains), 1)} dB above that of {BASELINE} interpolation (mean "
            "over scans)"
        )
    return f"{text}."


def _virtual(records: Sequence[ScanRecord], context: ReportContext) -> list[str]:
    return [
        f"{_count(len(records), 'virtual scan')} ({_modalities(records)}) "
        f"{'was' if len(records) == 1 else 'were'} generated with medgan{_version(context)}"
        f"{_models(records)}; all of {'its' if len(records) == 1 else 'their'} voxels are "
        "synthetic, and marked so in the output."
    ]


def _made_with(context: ReportContext) -> str:
    others = [f"{n} {v}" for n, v in sorted(context.versions.items()) if n != "medgan"]
    parts = [f"settings SHA-256 {digest(context.settings)[:SHORT_HASH]}"]
    if others:
        parts.insert(0, ", ".join(others))
    return f"({'; '.join(parts)}.)"


def _version(context: ReportContext) -> str:
    version = context.versions.get("medgan", "")
    return f" {version}" if version else ""


def _models(records: Sequence[ScanRecord]) -> str:
    used = sorted(
        {(r.model.get("name", ""), r.model.get("sha256", "")) for r in records if r.model}
    )
    if not used:
        return ""
    named = ", ".join(f"{name}, weights SHA-256 {sha256[:SHORT_HASH]}" for name, sha256 in used)
    return f" (model {named})"


def _modalities(records: Sequence[ScanRecord]) -> str:
    found = {record.modality.upper() for record in records if record.modality}
    return ", ".join(sorted(found)) if found else "modality not stated"


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
