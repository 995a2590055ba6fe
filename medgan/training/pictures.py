"""Montages of a training run: the picture that shows a collapse before any figure does."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from medgan.scans.atomic import write_bytes


def save_montage(picture: NDArray[np.uint8], path: Path) -> None:
    """Write a grey picture (h, w) as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG")
    write_bytes(path, buffer.getvalue())
