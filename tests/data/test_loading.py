"""Loading: batches depend on the step alone; every case once an epoch; slices from a stack."""

import itertools
import multiprocessing
import time

import numpy as np
import pytest
import torch

from medgan.data.augmentation import AugmentSettings
from medgan.data.loading import Samples, Schedule, batches, numbered_batches, stretch
from medgan.data.share import Share
from medgan.data.space import Space
from medgan.errors import DataError

CHANGES = AugmentSettings(probability=0.8)


def space(spatial_dims):
    return Space(
        spatial_dims=spatial_dims,
        shape=(6, 8, 4)[:spatial_dims],
        spacing_mm=(1, 1, 1),
        orientation="RAS",
        centre_mm=(0, 0, 0),
        modality="mr",
    )


def volumes(n, shape):
    """Prepared cases whose values tell case and slice."""
    items = []
    for case in range(n):
        slices = torch.arange(shape[0], dtype=torch.float32).view(1, -1, 1, 1)
        items.append({"image": (1000 * case + slices).expand(2, *shape).clone()})
    return items


def take(samples, start, n, n_workers=0):
    stream = batches(samples, 3, 5, start, n_workers)
    return [batch["image"] for batch in itertools.islice(stream, n)]


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_a_run_taken_up_sees_what_an_unbroken_one_sees(spatial_dims):
    samples = Samples(volumes(7, (6, 8, 4)), space(spatial_dims), CHANGES, seed=5)
    unbroken = take(samples, 0, 6)
    resumed = take(samples, 0, 2) + take(samples, 2, 4)
    assert all(torch.equal(a, b) for a, b in zip(unbroken, resumed, strict=True))
    assert unbroken[0].shape == (3, 2, 8, 4) if spatial_dims == 2 else (3, 2, 6, 8, 4)
    assert not torch.equal(unbroken[0], take(samples, 1, 1)[0])


def test_worker_processes_change_nothing():
    samples = Samples(volumes(7, (6, 8, 4)), space(3), CHANGES, seed=5)
    for alone, shared in zip(take(samples, 0, 3), take(samples, 0, 3, n_workers=1), strict=True):
        assert torch.equal(alone, shared)


def test_global_random_state_is_left_alone():
    samples = Samples(volumes(7, (6, 8, 4)), space(3), CHANGES, seed=5)
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    take(samples, 0, 2)
    assert torch.equal(before, torch.random.get_rng_state())


def test_every_case_once_an_epoch():
    places = itertools.chain.from_iterable(Schedule(7, 3, seed=0))
    cases = [case for case, _ in itertools.islice(places, 21)]
    for epoch in range(3):
        assert sorted(cases[7 * epoch : 7 * epoch + 7]) == list(range(7))
    assert cases[:7] != cases[7:14]
    assert next(iter(Schedule(7, 3, seed=0))) != next(iter(Schedule(7, 3, seed=1)))


def test_batches_larger_than_the_set():
    batch = next(iter(Schedule(2, 5, seed=0)))
    assert sorted(case for case, _ in batch[:4]) == [0, 0, 1, 1]


def test_slices_are_drawn_from_the_share_of_the_stack():
    middle = space(2).model_copy(update={"slice_range": (0.25, 0.75)})
    samples = Samples(volumes(1, (20, 8, 4)), middle, AugmentSettings(), seed=0)
    drawn = {int(samples[0, turn]["image"].mean()) for turn in range(200)}
    assert drawn == set(range(5, 15))


def test_stretch_always_leaves_a_slice():
    assert stretch(10, (0.0, 1.0)) == range(10)
    assert list(stretch(1, (0.4, 0.6))) == [0]
    assert list(stretch(3, (0.99, 1.0))) == [2]


def test_samples_of_a_case_differ_from_turn_to_turn():
    samples = Samples(volumes(2, (6, 8, 4)), space(3), CHANGES, seed=0)
    seen = np.stack([samples[0, turn]["image"].numpy() for turn in range(10)])
    assert seen.std(axis=0).max() > 0


@pytest.mark.parametrize("n_workers", [0, 1])
def test_samples_come_by_number_from_the_step_asked_for(n_workers):
    """Two processes with batches of 3: the second takes 3..5, 9..11, 15..17."""
    taken = numbered_batches(
        lambda number: number**2, list, range(1, 3), 3, share=Share(1, 2), n_workers=n_workers
    )
    assert list(taken) == [[81, 100, 121], [225, 256, 289]]


def too_thin(number: int) -> int:
    if number == 4:
        raise DataError("too thin", where="scan 4", hint="Give thicker ones.")
    return number


@pytest.mark.parametrize("n_workers", [0, 1])
def test_an_error_in_a_loading_process_comes_out_as_it_was(n_workers):
    taken = numbered_batches(too_thin, list, range(3), 3, n_workers=n_workers)
    assert next(taken) == [0, 1, 2]
    with pytest.raises(DataError) as caught:
        next(taken)
    assert (caught.value.what, caught.value.where) == ("too thin", "scan 4")
    assert caught.value.hint == "Give thicker ones."


def dawdles(number: int) -> int:
    if number > 2:
        time.sleep(60)
    return number


def test_a_loading_process_that_does_not_answer_is_ended_all_the_same() -> None:
    """The loader waits for it for 5 seconds, then terminates it, which it does not hear."""
    taken = numbered_batches(dawdles, list, range(3), 3, n_workers=1)
    assert next(taken) == [0, 1, 2]
    taken.close()
    assert multiprocessing.active_children() == []
