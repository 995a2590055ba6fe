"""Wanted kinds come out: phantoms of known kinds, told apart in the samples by rules on paper."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from medgan.data import index_cases
from medgan.errors import DataError, ModelError, UsageError
from medgan.models import Model
from medgan.synthesis import (
    PriorRecipe,
    SyntheticDataset,
    TemplateGanRecipe,
    VirtualCase,
    fit_synthesizer,
    gather,
    output_of,
    synthesize,
)
from medgan.synthesis.from_labels import check_can_be_bent

from .conftest import write_scans

SIDE, N = 12, 30
DISTANCE = np.linalg.norm(np.indices((SIDE,) * 3) - (SIDE - 1) / 2, axis=0)

KINDS = {"dark": (5, 300), "bright": (5, 800), "tiny": (2.5, 800)}
"""Radius in voxels, and grey value on a background of 100."""

CORE = {"ct": (-1000, 0, 400), "mr": (0, 900, 300)}
"""Air, shell and core: what is bright in one modality is dark in the other."""

COMMON = {
    "name": "tiny",
    "spatial_dims": 3,
    "data": {"shape": [SIDE] * 3},
    "sampling": {"calibration_samples": 8},
}
RECIPES = {
    "prior": (PriorRecipe, {}),
    "template_gan": (
        TemplateGanRecipe,
        {
            "template": {"n_modes": 6},
            "batch_size": 2,
            "generator": {"width": 4},
            "discriminator": {"width": 4},
            "train": {"steps": 2, "save_interval": 2},
        },
    ),
}


@pytest.fixture(autouse=True, scope="module")
def _quick():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("medgan.training.match_samples.N_DRAWN", 8)
        yield


def write(folder: Path, case: int, values: np.ndarray, labels: np.ndarray) -> None:
    for sub, array in (("images", values.astype(np.int16)), ("labels", labels.astype(np.uint8))):
        (folder / sub).mkdir(parents=True, exist_ok=True)
        image = nib.Nifti1Image(array, np.diag([2.0, 2.0, 2.0, 1.0]))
        nib.save(image, folder / sub / f"p{case:03d}.nii.gz")


def ball(radius: float) -> np.ndarray:
    return 1 / (1 + np.exp(2 * (DISTANCE - radius)))


@pytest.fixture(scope="module")
def of_kinds(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("kinds")
    rows = ["id,kind"]
    for case in range(N):
        rng = np.random.default_rng(case)
        kind = list(KINDS)[case % 3]
        radius, grey = KINDS[kind]
        radius, grey = radius + rng.normal(0, 0.2), grey + rng.normal(0, 40)
        values = 100 + (grey - 100) * ball(radius) + rng.normal(0, 30, DISTANCE.shape)
        write(folder, case, values, ball(radius) > 0.5)
        rows.append(f"p{case:03d},{kind}")
    (folder / "cases.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="module")
def of_modalities(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("modalities")
    for case in range(N):
        rng = np.random.default_rng(case)
        air, shell, core = CORE["ct" if case % 3 else "mr"]
        radius = 4.5 + rng.normal(0, 0.2)
        values = air + (shell - air) * ball(radius) + (core - shell) * ball(radius - 2)
        values += rng.normal(0, 20, DISTANCE.shape)
        write(folder, case, values, (ball(radius) > 0.5).astype(int) + (ball(radius - 2) > 0.5))
    return folder


def fit(folder: Path, run: Path, name: str, **changes: object) -> Model:
    kind, few = RECIPES[name]
    recipe = kind.model_validate(COMMON | few | {"kind": name} | changes)
    result, info = fit_synthesizer(recipe, gather(recipe, index_cases(folder), run / "cache"), run)
    return Model(info.model_copy(update={"weights_sha256": "0" * 64}), result.generator)


def kind_of(case: VirtualCase) -> str:
    """Tell the kind by size and brightness, each halfway between those of the phantoms."""
    inside = case.labels > 0
    if inside.sum() < 4 / 3 * np.pi * 3.75**3:
        return "tiny"
    return "dark" if case.image.values[ndimage.binary_erosion(inside)].mean() < 550 else "bright"


@pytest.mark.parametrize("name", RECIPES)
def test_kinds_of_a_table_come_out(name, of_kinds, tmp_path) -> None:
    data = COMMON["data"] | {"intensity": "window", "window_hu": [0, 1000]}
    told = {"conditions": ["kind"], "conditions_file": of_kinds / "cases.csv"}
    model = fit(of_kinds, tmp_path, name, data=data, **told)
    for kind in KINDS:
        made = [kind_of(case) for case in synthesize(model, 12, seed=0, wanted={"kind": kind})]
        assert made.count(kind) >= 11, (kind, made)
    free = {kind_of(case) for case in synthesize(model, 20, seed=0)}
    assert len(free) > 1


@pytest.mark.filterwarnings("ignore:This prior stores")
def test_modalities_of_scans_come_out_with_their_own_values(of_modalities, tmp_path) -> None:
    model = fit(of_modalities, tmp_path, "prior", conditions=["modality"])
    for modality, (air, shell, core) in CORE.items():
        wanted = {"modality": modality.upper()}
        for case in synthesize(model, 8, seed=0, wanted=wanted):
            values = case.image.values
            inner, outer = (values[case.labels == label].mean() for label in (2, 1))
            assert case.image.modality == modality
            assert abs(values[0, 0, 0] - air) < 150
            assert (inner > outer) == (core > shell)
        (item,) = SyntheticDataset(model, 1, wanted=wanted)
        (case,) = synthesize(model, 1, seed=0, wanted=wanted)
        assert item["image"].numpy().tobytes() == case.image.values.tobytes()


def test_of_several_modalities_one_must_be_wanted(of_modalities, tmp_path) -> None:
    model = fit(of_modalities, tmp_path, "template_gan", conditions=["modality"])
    for modality, (air, *_) in CORE.items():
        (case,) = synthesize(model, 1, seed=0, wanted={"modality": modality.upper()})
        assert case.image.modality == modality
        assert abs(case.image.values[0, 0, 0] - air) < 150
    assert "one template of CT and MR, and mixes their contrasts" in model.info.notice
    makes: list[Callable[[], object]] = [
        lambda: next(synthesize(model, 1, seed=0)),
        lambda: SyntheticDataset(model, 1),
    ]
    for make in makes:
        with pytest.raises(UsageError, match="makes CT and MR, and it must be said") as caught:
            make()
        assert caught.value.hint == "Example: --label modality=CT"
    with pytest.raises(UsageError, match="one of CT, MR, not PET"):
        SyntheticDataset(model, 1, wanted={"modality": "PET"})
    with pytest.raises(ModelError, match="several modalities cannot be bent"):
        check_can_be_bent(model.info)
    torn = model.info.expects | {"conditions": []}
    with pytest.raises(ModelError, match="how it is asked for"):
        output_of(model.info.model_copy(update={"expects": torn}))


def test_a_mixed_folder_needs_the_condition_and_a_condition_a_mixed_folder(
    of_modalities, scans_folder, tmp_path
) -> None:
    with pytest.raises(DataError, match="it could not be said which modality"):
        fit(of_modalities, tmp_path, "prior")
    with pytest.raises(DataError, match="modality is MR for all"):
        fit(scans_folder, tmp_path, "prior", conditions=["modality"])
    data = COMMON["data"] | {"intensity": "window"}
    with pytest.raises(DataError, match="cannot suit all"):
        fit(of_modalities, tmp_path, "prior", conditions=["modality"], data=data)


def test_wished_for_volumes_come_out_larger_and_smaller(tmp_path) -> None:
    folder = write_scans(tmp_path / "scans", n=24)
    conditions = ["volume_2", "volume_5"]
    data = {"shape": [16, 16, 16]}
    model = fit(folder, tmp_path, "prior", conditions=conditions, data=data)
    found = output_of(model.info).conditions
    assert [condition.name for condition in found] == conditions

    def volumes(wanted: float) -> np.ndarray:
        cases = synthesize(model, 12, seed=0, wanted={"volume_2": f"{wanted:g}"})
        # 1.5 x 2 x 3 mm voxels
        return np.array([9 * (case.labels == 2).sum() for case in cases])

    low, high = found[0].low, found[0].high
    small, large = volumes(low), volumes(high)
    assert large.mean() - small.mean() > 0.6 * (high - low)
