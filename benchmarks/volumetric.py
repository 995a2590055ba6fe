"""The rival of the 2.5D network: a volumetric one that sees a whole window and its gap mask.

    python benchmarks/volumetric.py DATA --minutes 10 [--protocols x2,x4,gap1,gap2,gap4,gap8]

Trained on the same scans with the same damage as `configs/restore/slices_faithful.yaml`, started
from the same symmetric flow with a residual of exactly zero, then scored on the hippocampus
validation volumes beside the shipped network and the one in `--model`, each alone. Nothing here
ships.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from known_scans import known_scans
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from medgan.data.slice_samples import FLAT, DamageSettings, Volume, turn, vary_contrast
from medgan.data.slicing import draw_profile, draw_window, draw_zoom, take_slice, zoomed
from medgan.data.volumes import training_volumes
from medgan.interpolation import Stack, classical_fillers
from medgan.restoration import RestoreSettings, hide_and_score, load_fillers, positions_of

DEPTH, CROP = 16, (40, 48)
FLOW = next(filler for filler in classical_fillers() if filler.name == "symmetric_flow")
LINEAR = next(filler for filler in classical_fillers() if filler.name == "linear")


class VolumeNet(nn.Module):
    """Residual 3D U-Net on the flow-filled window; (B, 4, d, h, w) to (B, d, h, w).

    Channels: flow-filled values, presence, linear minus flow, distance to the nearest slice.
    """

    def __init__(self, widths: tuple[int, int] = (48, 96)) -> None:
        super().__init__()
        fine, coarse = widths
        self.enter = nn.Sequential(_conv(16, fine), nn.LeakyReLU(0.1), _Residual(fine))
        self.down = nn.Sequential(
            _conv(fine, coarse, stride=(1, 2, 2)), nn.LeakyReLU(0.1), _Residual(coarse)
        )
        self.rise = _conv(coarse, fine)
        self.leave = nn.Sequential(nn.LeakyReLU(0.1), _Residual(fine))
        self.last = _conv(fine, 4)
        nn.init.zeros_(self.last.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Correct the missing planes; the others come back as they are."""
        b, c, d, h, w = x.shape
        padded = functional.pad(x, (0, -w % 4, 0, -h % 4, 0, 0), mode="replicate")
        planes = functional.pixel_unshuffle(padded.transpose(1, 2).flatten(0, 1), 2)
        fine = self.enter(planes.view(b, d, 4 * c, *planes.shape[-2:]).transpose(1, 2))
        coarse = self.down(fine)
        back = functional.interpolate(self.rise(coarse), scale_factor=(1, 2, 2), mode="nearest")
        maps = self.last(self.leave(fine + back)).transpose(1, 2).flatten(0, 1)
        residual = functional.pixel_shuffle(maps, 2).view(b, d, *padded.shape[-2:])[..., :h, :w]
        corrected: Tensor = x[:, 0] + (1 - x[:, 1]) * residual
        return corrected


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = _conv(channels, channels), _conv(channels, channels)
        with torch.no_grad():
            self.second.weight.mul_(0.3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.second(functional.leaky_relu(self.first(x), 0.1))
        return out


def _conv(n_in: int, n_out: int, stride: int | tuple[int, int, int] = 1) -> nn.Conv3d:
    conv = nn.Conv3d(n_in, n_out, 3, stride=stride, padding=1)
    nn.init.kaiming_normal_(conv.weight, a=0.1)
    nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
    return conv


def window(stack: Stack) -> NDArray[np.float32]:
    """Describe a stack to the network: (4, d, h, w)."""
    missing = [int(p) for p in np.flatnonzero(~stack.present)]
    flowed, linear = stack.planes.copy(), stack.planes.copy()
    flowed[missing], linear[missing] = FLOW.fill(stack, missing), LINEAR.fill(stack, missing)
    there = np.flatnonzero(stack.present)
    away = np.abs(np.arange(len(stack.present))[:, None] - there).min(axis=1)
    flat = np.ones_like(flowed)
    return np.stack(
        [
            flowed,
            stack.present[:, None, None] * flat,
            6 * (linear - flowed),
            (away / 4.0)[:, None, None].astype(np.float32) * flat,
        ]
    ).astype(np.float32)


@dataclass(frozen=True)
class VolumeFiller:
    """The trained network, averaged over four flips."""

    network: VolumeNet
    name: str = "volumetric"

    def fill(self, stack: Stack, targets: Sequence[int]) -> NDArray[np.float32]:
        """Fill in windows of DEPTH planes around the targets."""
        low, high = max(0, min(targets) - 6), min(len(stack.present), max(targets) + 7)
        part = list(range(low, high))
        seen = torch.from_numpy(
            window(
                Stack(
                    stack.planes[part],
                    stack.present[part],
                    stack.positions_mm[part],
                    stack.pixel_mm,
                )
            )
        )[None]
        with torch.inference_mode():
            views = [
                self.network(seen.flip(axes)).flip([a - 1 for a in axes])
                for axes in ([], [3], [4], [3, 4])
            ]
        mean = torch.stack(views).mean(dim=0)[0]
        return mean.numpy()[[target - low for target in targets]]


def draw(
    homes: Sequence[Volume], others: Sequence[Volume], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    """One training window and its truth, by the damage of the shipped recipe."""
    s = DamageSettings()
    pool = homes if rng.random() < s.home_share or not others else others
    volume = pool[rng.integers(len(pool))]
    axis = int(rng.choice(volume.axes))
    step, profile = draw_profile(s.slab_share, s.smooth_share, rng)
    length = int((volume.values.shape[axis] - 1) / step) + 1
    if length < DEPTH:
        return None
    gap = 1 + int(rng.choice(len(s.gap_weights), p=np.divide(s.gap_weights, sum(s.gap_weights))))
    present = np.ones(DEPTH, dtype=bool)
    if rng.random() < s.regular_share:
        phase = int(rng.integers(gap + 1))
        present[:] = (np.arange(DEPTH) - phase) % (gap + 1) == 0
        there = np.flatnonzero(present)
        if len(there) < 2:
            return None
        present[: there[0]] = present[there[-1] :] = True
    else:
        start = int(rng.integers(1, DEPTH - gap))
        present[start : start + gap] = False
    zoom = draw_zoom(s.zoom_share, s.zoom, rng)
    sides = [side for i, side in enumerate(volume.values.shape) if i != axis]
    view = draw_window(sides, (s.window, s.window), zoom, rng)
    first = int(rng.integers(length - DEPTH + 1))
    planes = np.stack(
        [
            zoomed(take_slice(volume.values, axis, (first + n) * step, profile, view), zoom)
            for n in range(DEPTH)
        ]
    )
    no_flow = np.zeros((2, *planes.shape[1:]), dtype=np.float32)  # it is computed afterwards
    planes = vary_contrast(turn(planes, no_flow, rng)[0], s, rng)
    if planes.std() < FLAT:
        return None
    through = volume.spacing_mm[axis] * step
    seen = window(Stack(planes, present, np.arange(DEPTH) * through, 1.0))
    rows, columns = (
        int(rng.integers(max(side - c, 0) + 1))
        for side, c in zip(planes.shape[1:], CROP, strict=True)
    )
    pad = [max(0, c - side) for side, c in zip(planes.shape[1:], CROP, strict=True)]

    def cut(x: NDArray[np.float32]) -> NDArray[np.float32]:
        part = x[..., rows : rows + CROP[0], columns : columns + CROP[1]]
        return np.pad(part, [(0, 0)] * (x.ndim - 2) + [(0, p) for p in pad], mode="edge")

    return cut(seen), cut(planes)


def fit(data: Path, minutes: float, batch: int = 4) -> VolumeNet:
    """Train for some minutes of processor time; the rate falls along a cosine of it."""
    volumes = training_volumes(data).volumes
    groups = {v.group for v in volumes}
    home = max(groups, key=lambda g: sum(v.group == g for v in volumes))
    homes = [v for v in volumes if v.group == home]
    others = [v for v in volumes if v.group != home]
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    network = VolumeNet()
    averaged = VolumeNet()
    averaged.load_state_dict(network.state_dict())
    sys.stderr.write(f"{sum(p.numel() for p in network.parameters())} parameters\n")
    adam = torch.optim.Adam(network.parameters(), betas=(0.9, 0.99))
    started, step = time.process_time(), 0
    while (share := (time.process_time() - started) / (60 * minutes)) < 1:
        for group in adam.param_groups:
            group["lr"] = 1e-3 * min(1, (step + 1) / 100) * 0.5 * (1 + np.cos(np.pi * share))
        drawn = []
        while len(drawn) < batch:
            one = draw(homes, others, rng)
            if one is not None:
                drawn.append(one)
        seen, truth = (torch.from_numpy(np.stack(parts)) for parts in zip(*drawn, strict=True))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            made = network(seen).float()
        lost = 1 - seen[:, 1]
        error = ((made - truth).square() + 0.03**2).sqrt() - 0.03
        loss = (error * lost).sum() / lost.sum()
        adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 0.5)
        adam.step()
        with torch.no_grad():
            for mean, now in zip(averaged.parameters(), network.parameters(), strict=True):
                mean.lerp_(now, 0.01)
        step += 1
        if step % 200 == 0:
            sys.stderr.write(f"step {step} loss {loss.item():.4f}\n")
    sys.stderr.write(f"{step} steps\n")
    return averaged.eval()


def main() -> None:
    """Train, score, print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--model", action="append", default=[], help="2.5D networks to set beside")
    parser.add_argument("--protocols", type=lambda text: text.split(","), default=("x2", "gap1"))
    options = parser.parse_args()
    beside = [
        load_fillers(RestoreSettings(model=name))[-1]
        for name in ("slices-faithful", *options.model)
    ]
    compared = [LINEAR, FLOW, *beside, VolumeFiller(fit(options.data, options.minutes))]
    rows: dict[tuple[str, str], list[float]] = defaultdict(list)
    for scan in known_scans(options.data, "validation", home=True, limit=None):
        for protocol in options.protocols:
            taken = positions_of(protocol, scan.n_positions)
            found = hide_and_score(scan, taken, protocol, compared[:1], compared[1:]).methods[1:]
            for filler, score in zip(compared, found, strict=True):
                rows[protocol, filler.name].append(score.psnr_db)
    sys.stdout.write("| | n | PSNR dB +- SD |\n|---|---|---|\n")
    for (protocol, method), values in rows.items():
        sys.stdout.write(
            f"| {protocol}: {method} | {len(values)} "
            f"| {np.mean(values):.2f}+-{np.std(values):.2f} |\n"
        )


if __name__ == "__main__":
    main()
