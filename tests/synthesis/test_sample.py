"""Sampling: same seed, same bytes, whatever came before and however the work is split."""

import numpy as np
import pytest
import torch

from medgan.errors import ModelError
from medgan.models import Model
from medgan.networks.template import DeformableTemplate
from medgan.synthesis import synthesize
from medgan.synthesis.output import output_of
from medgan.synthesis.sample import draw_sample

COVERS = ("output",)


def same(a, b):
    return (
        a.id == b.id
        and a.image.stored.tobytes() == b.image.stored.tobytes()
        and a.labels.tobytes() == b.labels.tobytes()
    )


def test_same_seed_same_bytes(make_model):
    model = make_model()
    first = list(synthesize(model, 5, seed=3))
    torch.manual_seed(99)
    second = list(synthesize(model, 5, seed=3))
    assert [case.id for case in first] == [f"case_000{n}" for n in range(1, 6)]
    assert all(same(a, b) for a, b in zip(first, second, strict=True))
    others = list(synthesize(model, 5, seed=4))
    assert not any(same(a, b) for a, b in zip(first, others, strict=True))


def test_the_number_of_threads_changes_nothing():
    network = DeformableTemplate(3, 2, (16, 24, 16), n_modes=2)
    for name in ("rest_amounts", "rest_spectrum", "fine_spread", "fine_spectrum"):
        getattr(network, name).fill_(0.3)
    before = torch.get_num_threads()
    try:
        samples = []
        for n_threads in (1, 2):
            torch.set_num_threads(n_threads)
            samples.append(draw_sample(network, network.latent, seed=0, index=0))
            assert torch.get_num_threads() == n_threads
    finally:
        torch.set_num_threads(before)
    assert samples[0].tobytes() == samples[1].tobytes()


def test_split_work_gives_the_same_cases(make_model):
    model = make_model()
    whole = list(synthesize(model, 5, seed=3))
    parts = [*synthesize(model, 2, seed=3), *synthesize(model, 3, seed=3, first=2)]
    assert all(same(a, b) for a, b in zip(whole, parts, strict=True))


def test_a_sample_is_what_the_generator_says_of_its_latent(make_model):
    model = make_model()
    sample = draw_sample(model.network, 8, seed=3, index=1)
    assert sample.shape == (3, 8, 12, 16)
    assert sample.dtype == np.float32
    assert np.abs(sample).max() <= 1


def test_cases_of_a_2d_model(make_model):
    model = make_model(spatial_dims=2, shape=(16, 24), slice_axis=2)
    (case,) = synthesize(model, 1, seed=0)
    assert case.image.grid.shape == (16, 24, 1)
    assert case.labels.shape == (16, 24, 1)


def test_a_restorer_is_refused(make_model):
    model = make_model()
    restorer = Model(model.info.model_copy(update={"kind": "restorer"}), model.network)
    with pytest.raises(ModelError, match="restorer cannot make virtual scans") as caught:
        next(synthesize(restorer, 1, seed=0))
    assert "medgan train" in caught.value.hint


def test_a_description_that_says_nothing_is_refused(make_model):
    info = make_model().info.model_copy(update={"expects": {"latent": 8}})
    with pytest.raises(ModelError, match="does not say what is made"):
        output_of(info)
