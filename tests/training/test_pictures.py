"""A montage is written as the PNG of its pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from medgan.training.pictures import save_montage


def test_pixels_come_back(tmp_path: Path) -> None:
    picture = np.arange(48, dtype=np.uint8).reshape(6, 8)
    save_montage(picture, tmp_path / "montages" / "1.png")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "montages" / "1.png")), picture)
