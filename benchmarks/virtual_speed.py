"""Seconds and memory of making and judging virtual scans, each in a process of its own.

    python benchmarks/virtual_speed.py [--threads 2]

Draws 100 hippocampi with labels; one volume of 128 x 128 x 128 from a refined template that is
filled with random numbers, as speed does not depend on them; and compares 200 volumes with 200
others, all drawn, by everything that `medgan evaluate synthetic` measures without `--utility`.
Imports, and what the comparison takes, count apart. Prints Markdown.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time

MODEL = "hippocampus-3d"
LARGE = (128, 128, 128)
N_DRAWN, N_COMPARED = 100, 200
WAVES = (3, 4, 2)


def main() -> None:
    """Run every part in a child, or one part in this process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--part", choices=PARTS, help="this one alone, here")
    options = parser.parse_args()
    if options.part:
        sys.stdout.write(PARTS[options.part]() + "\n")
        return
    sys.stdout.write(f"{options.threads} threads, load before {os.getloadavg()[0]:.1f}\n\n")
    sys.stdout.write("| what | seconds | processor s | peak MB |\n|---|---|---|---|\n")
    for part in PARTS:
        words = [sys.executable, "-W", "ignore", __file__, "--part", part]
        environment = os.environ | {"OMP_NUM_THREADS": str(options.threads)}
        sys.stdout.flush()
        subprocess.run(words, env=environment, check=True)


def hippocampi() -> str:
    """Draw small volumes with labels."""
    from medgan import synthesize

    synthesize(MODEL, 1)  # loads it, and what it needs
    watch = Watch()
    synthesize(MODEL, N_DRAWN, seed=1)
    return watch.row(f"{N_DRAWN} volumes of `{MODEL}` with labels")


def large() -> str:
    """Draw one large volume through the network that refines it slab by slab."""
    import torch

    from medgan.networks.refined_template import RefinedTemplate
    from medgan.synthesis.sample import draw_sample
    from medgan.training.template_settings import TemplateSettings

    n_modes = TemplateSettings(mode_waves=WAVES).count_modes(LARGE, 140)
    network = RefinedTemplate(3, 2, LARGE, n_modes, width=24).eval()
    generator = torch.Generator().manual_seed(0)
    for tensor in network.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(0.01 * torch.randn(tensor.shape, generator=generator))
    watch = Watch()
    draw_sample(network, network.latent, 0, 0)
    return watch.row(f"one volume of {' x '.join(map(str, LARGE))}, refined")


def comparison() -> str:
    """Compare drawn volumes with others, and with 140 that stand in for the training set."""
    import numpy as np

    from medgan import synthesize
    from medgan.evaluation import ImageSet, common_grid, evaluate_synthetic

    sets = []
    for seed, n in ((0, N_COMPARED), (1, N_COMPARED), (2, 140)):
        cases = synthesize(MODEL, n, seed=seed)
        images = common_grid([case.image.values for case in cases], cases[0].image.grid.shape)
        sets.append(ImageSet(images, np.stack([case.labels for case in cases])))
    watch = Watch()
    evaluate_synthetic(*sets)
    return watch.row(f"{N_COMPARED} compared with {N_COMPARED}")


class Watch:
    """Takes the time from where it is made."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def row(self, what: str) -> str:
        """Return a row of the table: times since then, and the peak of the whole process."""
        wall, cpu = time.perf_counter() - self.wall, time.process_time() - self.cpu
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return f"| {what} | {wall:.1f} | {cpu:.1f} | {peak_mb:.0f} |"


PARTS = {"hippocampi": hippocampi, "large": large, "comparison": comparison}

if __name__ == "__main__":
    main()
