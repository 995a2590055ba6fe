from __future__ import annotations

import pytest

from medgan.training.template_settings import TemplateSettings


@pytest.mark.parametrize(
    ("waves", "shape", "n_cases", "n_modes"),
    [
        (None, (32, 48, 32), 140, 40),
        (None, (32, 48, 32), 8, 7),
        # Of each of three directions and the appearance; two contrasts and the strength.
        ((3, 4, 2), (32, 48, 32), 140, 4 * 24 + 3),
        ((3, 4, 2), (32, 48, 32), 8, 4 * 24 + 3),
        ((2, 99), (16, 20), 8, 3 * 2 * 10 + 3),  # no more waves than half the grid has places
    ],
)
def test_modes_are_counted(
    waves: tuple[int, ...] | None, shape: tuple[int, ...], n_cases: int, n_modes: int
) -> None:
    assert TemplateSettings(mode_waves=waves).count_modes(shape, n_cases) == n_modes
