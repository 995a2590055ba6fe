"""Seconds to read, prepare, train and sample, beside the libraries that do the same.

    python benchmarks/speed.py [--repeats 3] [--threads 2] [--parts reading,preparing,...]

Everything works on generated scans. Ways that are compared run in turn in one process, after one
round that does not count; the fastest round is given, of the clock and of the processor. TorchIO
takes part where it is installed (`pip install torchio`). Prints Markdown tables.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
from generated_scans import generated_volume, write_dicom_series, write_volume

Ways = Mapping[str, Callable[[], object]]

VOLUME, SERIES, SMALL = (256, 256, 192), (512, 512, 200), (96, 96, 64)
SAMPLE = (32, 48, 32)
N_SAMPLES = 100
PRECISIONS = ("float32", "bfloat16")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--parts", type=lambda text: text.split(","), default=[*PARTS])
    options = parser.parse_args()
    import torch

    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory(prefix="speed_") as place:
        for name in options.parts:
            for title, ways in PARTS[name](Path(place)).items():
                table(title, ways, options.repeats)


def table(title: str, ways: Ways, repeats: int) -> None:
    """Measure ways in turn and print them beside the first."""
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for number in range(repeats + 1):
        for name, way in ways.items():
            clock, cpu = time.perf_counter(), time.process_time()
            way()
            if number:
                spent[name].append((time.perf_counter() - clock, time.process_time() - cpu))
    lines = [
        f"\n{title}; {repeats} rounds, machine load {os.getloadavg()[0]:.1f}\n",
        "| way | seconds | over the first | processor s |",
        "|---|---|---|---|",
    ]
    fastest = {name: (min(c for c, _ in s), min(p for _, p in s)) for name, s in spent.items()}
    first = next(iter(fastest.values()))[0]
    for name, (clock, cpu) in fastest.items():
        lines.append(f"| {name} | {clock:.3f} | {clock / first:.2f} | {cpu:.3f} |")
    sys.stdout.write("\n".join([*lines, ""]))
    sys.stdout.flush()


def reading(place: Path) -> dict[str, Ways]:
    """Read a NIfTI file and a DICOM series to arrays, found first where the way can."""
    import SimpleITK

    from medgan import load

    file, series = place / "nifti" / "scan.nii.gz", place / "series"
    write_volume(generated_volume(VOLUME), file.parent, [], file.name)
    write_dicom_series(generated_volume(SERIES), series, [])

    def pydicom_series() -> np.ndarray:
        slices = [pydicom.dcmread(path) for path in series.iterdir()]
        slices.sort(key=lambda one: float(one.ImagePositionPatient[2]))
        return np.stack([one.pixel_array for one in slices])

    def sitk_series() -> np.ndarray:
        reader = SimpleITK.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(series)))
        return SimpleITK.GetArrayFromImage(reader.Execute())

    return {
        f"Reading {VOLUME} as .nii.gz": {
            "nibabel": lambda: np.asanyarray(nib.load(file).dataobj),
            "SimpleITK": lambda: SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(file))),
            "medgan.load (finds gaps as well)": lambda: load(file),
        },
        f"Reading {SERIES[2]} DICOM slices of {SERIES[:2]}": {
            "pydicom, sorted": pydicom_series,
            "SimpleITK": sitk_series,
            "medgan.load (checks the series as well)": lambda: load(series),
        },
    }


def preparing(place: Path) -> dict[str, Ways]:
    """Bring one scan to RAS, percentiles to -1..1, and cut or pad it."""
    from monai import transforms as monai

    from medgan.data.preparation import transform
    from medgan.data.space import Space
    from medgan.scans import discover

    file = place / "small" / "scan.nii.gz"
    write_volume(generated_volume(SMALL), file.parent, [], file.name)
    (found,) = discover(file).scans
    space = Space(
        spatial_dims=3,
        shape=(80, 80, 48),
        spacing_mm=(0.8, 0.8, 1.0),
        orientation="RAS",
        centre_mm=(0.0, 0.0, 0.0),
        modality="ct",
    )
    plain = monai.Compose(
        [
            monai.LoadImaged("image"),
            monai.EnsureChannelFirstd("image"),
            monai.Orientationd("image", axcodes="RAS", labels=(("L", "R"), ("P", "A"), ("I", "S"))),
            monai.ScaleIntensityRangePercentilesd("image", 0.5, 99.5, -1, 1, clip=True),
            monai.ResizeWithPadOrCropd("image", space.shape),
        ]
    )
    ours = transform(space)
    ways: dict[str, Callable[[], object]] = {"MONAI alone": lambda: plain({"image": file})}
    if importlib.util.find_spec("torchio"):
        import torchio

        theirs = torchio.Compose(
            [
                torchio.ToCanonical(),
                torchio.RescaleIntensity((-1, 1), percentiles=(0.5, 99.5)),
                torchio.CropOrPad(space.shape),
            ]
        )
        ways["TorchIO"] = lambda: (
            theirs(torchio.Subject(image=torchio.ScalarImage(file)))["image"].data
        )
    ways["medgan (reads strictly, label channel)"] = lambda: ours({"image": found, "label": None})
    return {f"Preparing one scan of {SMALL}, from file to tensor": ways}


def training(place: Path) -> dict[str, Ways]:
    """One step of each recipe on a batch that is ready."""
    from medgan.pipeline.recipes import read_recipe

    folder = place / "train"
    for number in range(2):
        write_volume(generated_volume(SMALL, number), folder, [], f"scan{number}.nii.gz")
    ways = {}
    for name, recipe_name in {"restorer": "slices_faithful", "3D DCGAN": "dcgan_3d"}.items():
        family = "restore" if name == "restorer" else "synthesize"
        recipe = read_recipe(f"{family}/{recipe_name}")
        task = (restorer if name == "restorer" else dcgan)(recipe, folder)
        batch = next(iter(task.batches(0)))
        ways[f"One training step, {name}, batch of {recipe.batch_size}"] = {
            precision: stepper(task, recipe.train, batch, precision) for precision in PRECISIONS
        }
    return ways


def restorer(recipe: Any, folder: Path) -> Any:
    """Make the task of a restorer on generated scans."""
    from medgan.data.volumes import training_volumes
    from medgan.restoration.task import RestorerTask

    return RestorerTask(recipe.model_copy(update={"n_workers": 0}), training_volumes(folder))


def dcgan(recipe: Any, folder: Path) -> Any:
    """Make the task of a DCGAN on random volumes of its own shape."""
    import torch

    from medgan.data.space import Space
    from medgan.synthesis.task import SynthesisTask

    shape = tuple(recipe.data.shape)
    space = Space(
        spatial_dims=3,
        shape=shape,
        spacing_mm=(1.0, 1.0, 1.0),
        orientation="RAS",
        centre_mm=(0.0, 0.0, 0.0),
        modality="mr",
        label_values=(1, 2),
    )
    draw = torch.Generator().manual_seed(0)
    images = [torch.rand((space.n_channels, *shape), generator=draw) * 2 - 1 for _ in range(16)]
    return SynthesisTask(recipe, space, [{"image": image} for image in images])


def stepper(task: Any, settings: Any, batch: Any, precision: str) -> Callable[[], object]:
    """Return one step of the loop, by the same code as in a run."""
    from medgan.training.processes import here
    from medgan.training.trainer import Trainer

    chosen = settings.model_copy(update={"precision": precision})
    trainer = Trainer(task, chosen, "speed", "cpu", here())
    return lambda: trainer.one_step(batch)


def sampling(place: Path) -> dict[str, Ways]:
    """Draw volumes from a DCGAN generator with random weights: speed does not depend on them."""
    import torch

    from medgan.networks import build
    from medgan.pipeline.recipes import read_recipe

    settings = read_recipe("synthesize/dcgan_3d").generator.model_dump()
    shape = {"spatial_dims": 3, "out_channels": 3, "shape": list(SAMPLE)}
    network = build("dcgan_generator", settings | shape).eval()

    def draw() -> None:
        with torch.inference_mode():
            for _ in range(N_SAMPLES // 10):
                network(torch.randn(10, settings["latent"]))

    return {f"Drawing {N_SAMPLES} volumes of {SAMPLE} with two label channels": {"generator": draw}}


PARTS: dict[str, Callable[[Path], dict[str, Ways]]] = {
    "reading": reading,
    "preparing": preparing,
    "training": training,
    "sampling": sampling,
}

if __name__ == "__main__":
    main()
