"""Which real scans stand where; the whole comparison is in stages/test_virtual_chain.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medgan.assessment.image_cases import Case
from medgan.assessment.virtual import Sides, like_virtual, model_of
from medgan.errors import ModelError
from medgan.models import ModelInfo


def write_info(folder: Path) -> None:
    folder.mkdir(parents=True)
    info = ModelInfo(name="m", kind="synthesizer", architecture="dcgan_generator", settings={})
    (folder / "model.json").write_text(info.model_dump_json())


def case(shape: tuple[int, int, int]) -> Case:
    return Case("a", np.zeros(shape, np.float32), None, "", (1.0, 1.0, 1.0))


def test_the_model_is_the_named_one_or_the_one_beside_the_cases(tmp_path: Path) -> None:
    assert model_of(Sides(), tmp_path) is None
    write_info(tmp_path / "model")
    found = model_of(Sides(), tmp_path)
    assert found is not None
    assert found.name == "m"
    with pytest.raises(ModelError):
        model_of(Sides(model="nonsense"), tmp_path)


def test_volumes_stay_volumes_and_become_slices_for_slices() -> None:
    real = [case((8, 8, 6))]
    assert like_virtual([case((8, 8, 4))], real, None, print)[0].image.shape == (8, 8, 6)
    assert like_virtual([case((8, 8, 1))], real, None, print)[0].image.shape == (8, 8, 1)
    assert like_virtual([case((1, 8, 8))], real, None, print)[0].image.shape == (1, 8, 6)
