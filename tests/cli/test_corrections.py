"""Options for corrections: what they become, and what they clash with."""

import pytest

from medgan.cli.corrections import correction_settings
from medgan.errors import UsageError

NOTHING = {"denoise": False, "denoiser": None, "gibbs": False, "bias_field": False, "made": {}}


def test_nothing_asked_nothing_set():
    assert correction_settings(**NOTHING) == {}


def test_complete_scans_are_taken_too():
    settings = correction_settings(
        **NOTHING | {"denoise": True, "bias_field": True, "denoiser": "none"}
    )
    assert settings == {
        "restore.correct": ["denoise", "bias_field"],
        "index.take": "all",
        "restore.denoiser": "none",
    }


def test_one_thing_at_a_time():
    made = {"upsample": None, "fill_ends": True}
    with pytest.raises(UsageError, match="nothing is filled") as caught:
        correction_settings(**NOTHING | {"gibbs": True, "made": made})
    assert caught.value.where == "--fill-ends"


def test_a_denoiser_without_denoising_is_a_mistake():
    with pytest.raises(UsageError, match="what takes noise away"):
        correction_settings(**NOTHING | {"denoiser": "none"})
