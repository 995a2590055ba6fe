"""Models are found by folder or by name, and a miss names what there is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from medgan.errors import ModelError
from medgan.models import find_model, read_info, shipped_models
from medgan.models.info import CARD, INFO, MAX_INFO_BYTES, WEIGHTS


def test_a_folder_that_is_no_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"holds no {INFO}") as caught:
        find_model(tmp_path)
    assert "medgan train" in caught.value.hint


def test_an_unknown_name_lists_the_shipped_ones() -> None:
    with pytest.raises(ModelError, match="no such model") as caught:
        find_model("slices-imaginary")
    for name in shipped_models():
        assert name in caught.value.hint


def test_only_models_of_the_kind_that_is_wanted_are_named() -> None:
    with pytest.raises(ModelError, match="no such model") as caught:
        find_model("imaginary", "synthesizer")
    assert "slices-" not in caught.value.hint
    assert "synthesize/" in caught.value.hint
    with pytest.raises(ModelError) as caught:
        find_model("imaginary", "restorer")
    assert "slices-faithful" in caught.value.hint


def test_a_model_of_another_kind_is_refused() -> None:
    assert find_model("slices-faithful", "restorer").name == "slices-faithful"
    with pytest.raises(ModelError, match="a restorer cannot make virtual scans"):
        find_model("slices-faithful", "synthesizer")


def test_a_description_too_large_is_not_read(tmp_path: Path) -> None:
    (tmp_path / INFO).write_bytes(b" " * (MAX_INFO_BYTES + 1))
    with pytest.raises(ModelError, match="larger than"):
        read_info(tmp_path)


@pytest.mark.parametrize("name", sorted(shipped_models()))
def test_shipped_models_are_whole_small_and_say_their_licence(name: str) -> None:
    folder = find_model(name)
    info = read_info(folder)
    assert info.name == name
    assert info.licence
    assert (folder / WEIGHTS).stat().st_size <= 8_000_000
    card = (folder / CARD).read_text()
    assert info.licence in card
    assert "not for diagnosis" in card


def test_looking_models_up_does_not_load_torch() -> None:
    code = "import sys, medgan.models as m; m.shipped_models(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_shipped_model_stores_its_training_set() -> None:
    for folder in shipped_models().values():
        assert read_info(folder).architecture != "linear_prior"
