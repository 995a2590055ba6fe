"""Damage planted in a phantom is found where it lies and named; clean slices are left alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from medgan.restoration.detect import WORDS, Detection, detect_damage, predict
from medgan.restoration.detect_limits import limits
from medgan.restoration.leave_one_out import KINDS
from medgan.scans import Scan
from tests.restoration import phantom

COVERS = ("detect_limits",)
AT = 11
SHAPE = (48, 56)


def make_scan(n: int = 24, shape: tuple[int, int] = SHAPE, axis: int = 2, seed: int = 0) -> Scan:
    """A dark ground with a body of random texture that changes along the slices, and noise."""
    draw = np.random.default_rng(seed)
    texture = gaussian_filter(draw.normal(size=(n, *shape)), (2, 1.5, 1.5))
    y, x = (np.linspace(-1, 1, side) for side in shape)
    body = 1 / (1 + np.exp(20 * (np.hypot(y[:, None], x[None]) - 0.8)))
    values = 50 + body * (700 + 200 * texture / texture.std()) + draw.normal(0, 8, texture.shape)
    stored = np.moveaxis(np.rint(values).astype(np.int16), 0, axis)
    return replace(phantom.make_scan(n, shape, axis), stored=stored)


def with_plane(scan: Scan, position: int, plane: np.ndarray) -> Scan:
    stored = scan.stored.copy()
    np.moveaxis(stored, scan.axis, 0)[position] = np.clip(np.rint(plane), -32768, 32767)
    return replace(scan, stored=stored)


def plane(scan: Scan, position: int = AT) -> np.ndarray:
    return scan.slice(position).astype(float)


def lost_band(x: np.ndarray) -> np.ndarray:
    out = x.copy()
    out[14:26] = 50
    return out


RANGE = 1100
DAMAGE = {
    "drop_out": lost_band,
    "dimmed": lambda x: x * 0.7,
    "noise": lambda x: x + np.random.default_rng(5).normal(0, 40, x.shape),
    "spikes": lambda x: np.where(np.random.default_rng(5).random(x.shape) < 0.02, 2000, x),
    "shifted": lambda x: np.roll(x, 3, axis=1),
    "blurred": lambda x: gaussian_filter(x, 1),
    "stripes": lambda x: x + 0.1 * RANGE * np.sin(np.arange(x.shape[1]) * 1.5),
    "saturated": lambda x: np.minimum(x, np.quantile(x, 0.85)),
    "ghost": lambda x: x + 0.4 * np.roll(x, x.shape[0] // 2, axis=0),
}


@pytest.fixture(scope="module")
def clean() -> Scan:
    return make_scan(24, SHAPE)


def positions(detection: Detection) -> list[int]:
    return [suspect.position for suspect in detection.damaged]


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("seed", [1, 2])
def test_clean_scans_have_no_damaged_slices(axis: int, seed: int) -> None:
    found = detect_damage(make_scan(24, SHAPE, axis, seed))
    assert positions(found) == []
    assert found.unjudged == (0, 23)
    assert sorted(suspect.position for suspect in found.others) == list(range(1, 23))
    scores = [suspect.score for suspect in found.others]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_found_and_named(kind: str, clean: Scan) -> None:
    found = detect_damage(with_plane(clean, AT, DAMAGE[kind](plane(clean))))
    assert positions(found) == [AT], found.damaged
    assert found.damaged[0].kind == kind


def test_a_bright_slice_is_found(clean: Scan) -> None:
    # Its own image, brighter, also lies over itself when moved: it may be called a ghost.
    (suspect,) = detect_damage(with_plane(clean, AT, 1.3 * plane(clean))).damaged
    assert (suspect.position, suspect.kind in {"bright", "ghost"}) == (AT, True)


@pytest.mark.parametrize(("copied", "over", "false"), [(10, 11, 11), (12, 11, 11), (5, 6, 6)])
def test_of_two_equal_slices_the_copy_is_told(
    clean: Scan, copied: int, over: int, false: int
) -> None:
    (suspect,) = detect_damage(with_plane(clean, over, plane(clean, copied))).damaged
    assert (suspect.kind, suspect.position, suspect.like) == ("duplicate", false, copied)
    assert not suspect.either
    assert f"same as position {copied}" in suspect.words


def test_at_an_end_either_of_two_equal_slices_may_be_false(clean: Scan) -> None:
    (suspect,) = detect_damage(with_plane(clean, 0, plane(clean, 1))).damaged
    assert {suspect.position, suspect.like} == {0, 1}
    assert suspect.either
    assert suspect.words.endswith("which may be the false one")


def test_a_copy_from_afar_is_told_as_one(clean: Scan) -> None:
    (suspect,) = detect_damage(with_plane(clean, AT, plane(clean, 3))).damaged
    assert (suspect.position, suspect.kind, suspect.like) == (AT, "duplicate", 3)


def test_several_damaged_slices_are_all_found(clean: Scan) -> None:
    scan = with_plane(clean, 4, DAMAGE["blurred"](plane(clean, 4)))
    scan = with_plane(scan, 12, DAMAGE["drop_out"](plane(clean, 12)))
    scan = with_plane(scan, 19, DAMAGE["noise"](plane(clean, 19)))
    found = detect_damage(scan)
    assert sorted(positions(found)) == [4, 12, 19]
    assert not set(positions(found)) & {suspect.position for suspect in found.others}


def test_slices_beside_a_gap_are_no_alarm(clean: Scan) -> None:
    assert positions(detect_damage(clean.without([9, 16]))) == []


def test_what_cannot_be_judged_is_said(clean: Scan) -> None:
    short = detect_damage(make_scan(5, SHAPE))
    assert short == Detection((), (), tuple(range(5)))
    assert "positions 0-4 could not be judged" in short.notes[-1]
    narrow = detect_damage(make_scan(24, (8, 40)))
    assert narrow.unjudged == tuple(range(24))
    flat = detect_damage(replace(clean, stored=np.zeros_like(clean.stored)))
    assert flat.damaged == flat.others == ()


def test_made_slices_are_not_judged(clean: Scan) -> None:
    scan = with_plane(clean, AT, DAMAGE["blurred"](plane(clean)))
    made = scan.synthetic.copy()
    made[AT] = True
    found = detect_damage(replace(scan, synthetic=made))
    assert positions(found) == []
    assert AT in found.unjudged


def test_instance_numbers_are_told(clean: Scan) -> None:
    scan = with_plane(clean, AT, DAMAGE["dimmed"](plane(clean)))
    numbered = replace(scan, instances=tuple(range(101, 125)))
    (suspect,) = detect_damage(numbered).damaged
    assert suspect.instance == 101 + AT


def test_padding_and_rescale_do_not_matter(clean: Scan) -> None:
    damaged = with_plane(clean, AT, DAMAGE["dimmed"](plane(clean)))
    stored = damaged.stored.copy()
    stored[:4] = -2000
    rescaled = replace(damaged, stored=stored, padding=-2000, slope=np.full(24, 0.5))
    assert positions(detect_damage(rescaled)) == [AT]


def test_the_prediction_is_in_the_unit_of_the_scan(clean: Scan) -> None:
    (suspect,) = detect_damage(with_plane(clean, AT, DAMAGE["dimmed"](plane(clean)))).damaged
    expected = (plane(clean, AT - 1) + plane(clean, AT + 1)) / 2
    np.testing.assert_allclose(predict(clean, suspect), expected, atol=0.01)


def test_notes_name_position_kind_and_score(clean: Scan) -> None:
    found = detect_damage(with_plane(clean, AT, DAMAGE["dimmed"](plane(clean))))
    assert found.notes[0].startswith(f"position {AT} does not fit its neighbours (dimmed, ")
    assert detect_damage(clean).notes[0] == "no slice was found to be damaged"


def test_every_kind_has_limits_and_words() -> None:
    assert tuple(limits().kinds) == KINDS
    assert tuple(WORDS) == KINDS
    assert all(limit.beside_hole >= limit.threshold for limit in limits().kinds.values())
