"""Settings that cannot mean anything are refused."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from medgan.training import TrainSettings


def test_a_run_needs_an_objective() -> None:
    with pytest.raises(ValidationError, match="cannot both be 0"):
        TrainSettings(adversarial_weight=0, reconstruction_weight=0)


@pytest.mark.parametrize(
    "wrong", [{"steps": 0}, {"objective": "wgan"}, {"stepps": 3}, {"betas": (1.0, 0.9)}]
)
def test_wrong_values_and_unknown_keys_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TrainSettings(**wrong)
