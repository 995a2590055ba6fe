"""What a run is judged by on the way: closed forms, and an order that nobody can doubt."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from medgan.data.share import Share
from medgan.errors import ConfigError, DataError
from medgan.synthesis import SynthesizeRecipe, TemplateGanRecipe
from medgan.synthesis.validation import Validation, held_out, validation

COVERS = ("image_sets",)

SHAPE = (8, 12, 16)


def recipe(best_by: str | None = None, **changes) -> SynthesizeRecipe:
    settings = {
        "kind": "synthesis",
        "name": "tiny",
        "spatial_dims": 3,
        "data": {"shape": list(SHAPE)},
        "batch_size": 4,
        "train": {"best_by": best_by},
    }
    return SynthesizeRecipe.model_validate(settings | changes)


def refined(best_by: str | None = None) -> TemplateGanRecipe:
    settings = {"kind": "template_gan", "name": "tiny", "spatial_dims": 3}
    settings |= {"data": {"shape": list(SHAPE)}, "train": {"best_by": best_by}}
    return TemplateGanRecipe.model_validate(settings)


def case(number: int, n_front: int = 24, n_back: int = 12) -> dict[str, Tensor]:
    """A smooth random image; of its voxels the first are the front class, the last the back one."""
    rng = np.random.default_rng(number)
    channels = rng.uniform(-1, 1, (3, *SHAPE)).astype(np.float32)
    labels = channels[1:].reshape(2, -1)
    labels[:] = -1
    labels[0, :n_front] = labels[1, labels.shape[1] - n_back :] = 1
    return {"image": torch.from_numpy(channels)}


class Replay(nn.Module):
    """Gives one of the cases it was given, whatever is asked."""

    latent = 8

    def __init__(self, cases: list[dict[str, Tensor]]) -> None:
        super().__init__()
        self.register_buffer("cases", torch.stack([one["image"] for one in cases]))
        self.turn = 0

    def forward(self, z: Tensor) -> Tensor:
        self.turn += 1
        return self.cases[self.turn % len(self.cases)][None]


@pytest.mark.parametrize(
    ("volumes", "ratio"),
    [((24, 12), 1.0), ((24, 15), 1.25), ((12, 13), 0.5), ((0, 12), 0.0), ((25, 12), 25 / 24)],
)
def test_the_label_volume_is_that_of_the_class_farthest_off(make_space, volumes, ratio) -> None:
    judge = Validation(recipe(), make_space(), [case(i) for i in range(3)], [])
    figures = judge(Replay([case(9, *volumes)]), 1)
    assert figures["label_volume"] == pytest.approx(ratio)
    assert figures["label_volume_se"] == 0


def test_the_error_of_a_label_volume_is_that_of_a_mean(make_space) -> None:
    judge = Validation(recipe(), make_space(), [case(i) for i in range(3)], [])
    figures = judge(Replay([case(1, 12, 12), case(2, 24, 12)]), 1)
    # Half of 48 samples have 12 voxels and half 24: mean 18, standard deviation 6 (48 / 47)^(1/2).
    assert figures["label_volume"] == pytest.approx(18 / 24)
    assert figures["label_volume_se"] == pytest.approx(6 / 24 / 47**0.5)


@pytest.mark.parametrize("figure", ["kid_joint", "kid_rand"])
def test_cases_like_those_held_back_are_nearer_than_others(make_space, figure) -> None:
    space = make_space()
    trained, kept, alike = ([case(100 * k + i) for i in range(8)] for k in range(3))
    judge = Validation(recipe(figure), space, trained, kept)
    near = judge(Replay(alike), 1)[figure]
    assert judge(Replay(alike), 2)[figure] == near  # the step does not enter
    flat = [{"image": torch.cat([0.1 * one["image"][:1] ** 3, one["image"][1:]])} for one in alike]
    assert judge(Replay(flat), 1)[figure] > near + 100


def test_only_labels_tell_apart_what_has_other_labels(make_space) -> None:
    trained, kept = ([case(100 * k + i) for i in range(8)] for k in range(2))
    alike = [case(300 + i) for i in range(8)]
    moved = [{"image": torch.cat([c["image"][:1], c["image"][1:].flip(1)])} for c in alike]
    for figure, is_told in (("kid_joint", True), ("kid_rand", False)):
        judge = Validation(recipe(figure), make_space(), trained, kept)
        near, far = (judge(Replay(cases), 1)[figure] for cases in (alike, moved))
        assert (far > near + 100) is is_told


@pytest.mark.parametrize(
    ("figure", "values", "n_kept", "error", "said"),
    [
        ("fid", (2, 5), 6, ConfigError, "by fid: here there is kid_joint and kid_rand"),
        ("kid_joint", (), 6, ConfigError, "by kid_joint: here there is kid_rand"),
        ("kid_rand", (2, 5), 5, DataError, "5 cases are held back"),
    ],
)
def test_a_choice_that_cannot_be_made_is_refused(
    make_space, figure, values, n_kept, error, said
) -> None:
    names = dict.fromkeys(values, "part")
    space = make_space(label_values=values, label_names=names)
    cases = [{"image": case(i)["image"][: 1 + len(values)]} for i in range(6)]
    with pytest.raises(error, match=said) as caught:
        validation(recipe(figure), space, cases, cases[:n_kept])
    assert caught.value.where
    assert "null" in caught.value.hint


def test_nothing_is_measured_where_there_is_nothing_to_see(make_space) -> None:
    plain = make_space(label_values=(), label_names={})
    cases = [case(i) for i in range(6)]
    images = [{"image": one["image"][:1]} for one in cases]
    assert validation(recipe(), plain, images, images) is None
    assert validation(refined(), make_space(), cases, cases) is None  # its labels never change
    judge = validation(refined("kid_rand"), make_space(), cases, cases)
    assert judge is not None
    assert set(judge(Replay(cases), 1)) == {"kid_rand", "spectrum_db"}


def test_batches_of_held_back_cases_are_shared_and_depend_on_the_step(make_space) -> None:
    kept = [case(i) for i in range(6)]
    assert held_out(recipe(), make_space(), kept[:5]) is None
    double = held_out(recipe(batch_size=8), make_space(), kept)
    single = held_out(recipe(), make_space(), kept)
    assert double is not None
    assert single is not None
    whole = double(25, Share())["image"]
    parts = [single(25, Share(rank, 2))["image"] for rank in (0, 1)]
    assert torch.equal(torch.cat(parts), whole)
    known = {one["image"].numpy().tobytes() for one in kept}
    assert {one.numpy().tobytes() for one in whole} <= known
    assert not torch.equal(whole, double(50, Share())["image"])


def test_parts_of_labels_are_counted_beside_those_of_real_ones(make_space) -> None:
    real = [case(i) for i in range(3)]
    torn = case(9)
    torn["image"][1, 4, 6, ::2] = 1  # eight crumbs of the front class, which was one part
    judge = Validation(recipe(), make_space(), real, [])
    assert judge(Replay(real), 1)["label_parts"] == 1
    assert judge(Replay([torn]), 1)["label_parts"] == (9 + 1) / 2


def test_the_spectrum_is_that_of_training_images(make_space) -> None:
    real = [case(i) for i in range(3)]
    smooth = [{"image": one["image"].clone()} for one in real]
    for one in smooth:
        one["image"][0] = (one["image"][0] + one["image"][0].roll(1, 2)) / 2
    judge = Validation(recipe(), make_space(), real, [])
    assert judge(Replay(real), 1)["spectrum_db"] < 0.1
    assert judge(Replay(smooth), 1)["spectrum_db"] > 1
