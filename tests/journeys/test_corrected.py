"""A noisy DICOM series is denoised: in both formats, marked everywhere, the input as it was."""

from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pydicom

import medgan
from tests.scans.series import Series, make_series, save, set_pixels, truth

NOISE = 30.0


def noisy_series():
    series = Series(n=12, rows=30, columns=34, modality="MR", intercept=-1024.0)
    datasets = make_series(series)
    rng = np.random.default_rng(0)
    for dataset, offset in zip(datasets, series.offsets(), strict=True):
        clean = truth(series, series.position(offset))
        set_pixels(dataset, clean + rng.normal(0, NOISE, clean.shape))
    return datasets


def test_denoised_files_claim_no_measured_value(tmp_path):
    save(noisy_series(), tmp_path / "in" / "head")
    before = {p: p.read_bytes() for p in (tmp_path / "in").rglob("*.dcm")}
    summary = medgan.restore(
        tmp_path / "in", tmp_path / "out", formats=("nifti", "dicom"), correct=("denoise",)
    )
    assert summary.exit_code == 0
    assert {p: p.read_bytes() for p in before} == before
    sidecars = [
        p
        for p in (tmp_path / "out").rglob("*.json")
        if ".medgan" not in p.parts and p.name != "report.json"
    ]
    (record,) = (json.loads(p.read_text()) for p in sidecars)
    assert record["status"] == "restored"
    assert record["measured_hashes"] == {}
    assert record["synthetic"] == list(range(12))
    (done,) = record["corrections"]
    assert done["kind"] == "denoise"
    assert abs(done["noise_level"] / NOISE - 1) < 0.15
    assert done["gain_db"] > 3
    slices = sorted((tmp_path / "out").rglob("*.dcm"))
    assert len(slices) == 12
    for path in slices:
        image = pydicom.dcmread(path)
        assert image.SyntheticData == "YES"
        assert image.SeriesDescription == "medgan noise reduced"
        assert "every slice changed: noise reduced" in image.DerivationDescription
    volume = next(p for p in (tmp_path / "out").rglob("*.nii.gz") if "mask" not in p.name)
    said = bytes(nib.load(volume).header["descrip"]).decode()
    assert said.startswith("synthetic by medgan. noise reduced")
    mask = next(p for p in (tmp_path / "out").rglob("*_mask.nii.gz"))
    assert (np.asarray(nib.load(mask).dataobj) == 1).all()
    assert "noise was reduced" in (tmp_path / "out" / "report.html").read_text()
