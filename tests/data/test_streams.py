"""Streams: the same place gives the same numbers, another place others."""

import subprocess
import sys

import numpy as np

from medgan.data.streams import stream


def test_same_place_same_numbers_other_place_other_numbers():
    first = stream(7, "latent", 3).normal(size=50)
    np.testing.assert_array_equal(first, stream(7, "latent", 3).normal(size=50))
    for other in (stream(8, "latent", 3), stream(7, "noise", 3), stream(7, "latent", 4)):
        assert abs(np.corrcoef(first, other.normal(size=50))[0, 1]) < 0.5


def test_numbers_do_not_depend_on_the_process():
    code = "from medgan.data.streams import stream; print(stream(7, 'latent', 3).integers(2**40))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert int(printed) == stream(7, "latent", 3).integers(2**40)
