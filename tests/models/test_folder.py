"""A model folder comes back as it was saved, or is refused in one message; it is never code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from medgan.errors import ModelError
from medgan.models import ModelInfo, load_model, save_model
from medgan.models.info import INFO, WEIGHTS
from medgan.networks import build

SETTINGS = {"widths": [8, 8, 8]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    info = ModelInfo(
        name="tiny", kind="restorer", architecture="slice_net", settings=SETTINGS, licence="CC0-1.0"
    )
    save_model(tmp_path / "tiny", build("slice_net", SETTINGS), info, "# Card\n")
    return tmp_path / "tiny"


def test_round_trip(folder: Path) -> None:
    model = load_model(folder)
    again = load_model(str(folder))
    assert model.info.name == "tiny"
    assert not model.network.training
    for (name, a), b in zip(
        model.network.state_dict().items(), again.network.state_dict().values(), strict=True
    ):
        assert torch.equal(a, b), name


def test_what_would_not_be_read_again_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medgan.models.folder.MAX_WEIGHT_BYTES", 1000)
    info = ModelInfo(name="tiny", kind="restorer", architecture="slice_net", settings=SETTINGS)
    with pytest.raises(ModelError, match="read again"):
        save_model(tmp_path / "tiny", build("slice_net", SETTINGS), info, "# Card\n")
    assert not (tmp_path / "tiny").exists()


def test_the_same_network_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    model = load_model(folder)
    save_model(tmp_path / "copy", model.network, model.info, "# Card\n")
    for name in (INFO, WEIGHTS, "CARD.md"):
        assert (folder / name).read_bytes() == (tmp_path / "copy" / name).read_bytes(), name


def test_weights_that_changed_are_refused(folder: Path) -> None:
    data = bytearray((folder / WEIGHTS).read_bytes())
    data[-1] ^= 1
    (folder / WEIGHTS).write_bytes(bytes(data))
    with pytest.raises(ModelError, match="not the ones"):
        load_model(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"architecture": "os.system"}, "unknown architecture"),
        ({"settings": {"widths": [8, 8, 16]}}, "do not fit"),
        ({"settings": {"nonsense": 1}}, "do not fit"),
        ({"name": "../../escape"}, "does not describe a model: name"),
        ({"extra": 1}, "does not describe a model: extra"),
        ({"weights_sha256": "0" * 64}, "not the ones"),
    ],
)
def test_a_wrong_description_is_one_message(
    folder: Path, change: dict[str, object], message: str
) -> None:
    document = json.loads((folder / INFO).read_text()) | change
    (folder / INFO).write_text(json.dumps(document))
    with pytest.raises(ModelError, match=message) as caught:
        load_model(folder)
    assert "\n" not in str(caught.value)


def test_missing_weights_and_junk_are_named(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    with pytest.raises(ModelError, match=f"{WEIGHTS} cannot be read"):
        load_model(folder)
    (folder / INFO).write_bytes(b"\xff\xfe{")
    with pytest.raises(ModelError, match="cannot be read as JSON"):
        load_model(folder)
