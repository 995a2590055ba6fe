"""What a model folder may name, and nothing else."""

from __future__ import annotations

import pytest
from torch import nn

from medgan.networks import ARCHITECTURES, build


def test_a_name_outside_the_table_is_refused() -> None:
    with pytest.raises(KeyError):
        build("torch.nn.Linear", {"in_features": 1, "out_features": 1})


def test_settings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(TypeError):
        build("slice_net", {"no_such_setting": 1})


@pytest.mark.parametrize("name", ["slice_net", "slice_critic"])
def test_defaults_build(name: str) -> None:
    assert name in ARCHITECTURES
    assert isinstance(build(name, {}), nn.Module)
