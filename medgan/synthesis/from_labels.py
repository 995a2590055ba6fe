"""A label map in, an image out: the label map stays as it is, voxel by voxel.

The template is bent until its labels lie on the given ones. Where they cannot, the edges of the
image are not where the labels say: the anatomy has to be that of the template.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from medgan.data.preparation import label_on_grid
from medgan.data.signed_distance import encode
from medgan.data.space import Space
from medgan.errors import DataError, ModelError
from medgan.models import ModelInfo
from medgan.networks.bands import N_BANDS, scaled
from medgan.networks.refined_template import RefinedTemplate
from medgan.networks.template import DeformableTemplate
from medgan.scans import Found, discover, load_found
from medgan.synthesis.output import output_of

BENT = ("deformable_template", "refined_template")
"""Architectures that have a template."""

STEPS, RATE = 80, 0.05
"""Of Adam, from a random latent vector."""

TOLERANCE = 0.3
"""Error of a label channel, in -1..1, that counts as much as one standard deviation of a latent."""


def check_can_be_bent(info: ModelInfo) -> None:
    """Refuse a model without a template and labels, of slices, or of several modalities.

    Raises
    ------
    ModelError
        If it is one.
    """
    if info.architecture not in BENT or info.settings.get("out_channels", 0) < 2:
        raise ModelError(
            "only a template with labels can be bent to a label map",
            where=info.name,
            hint="Train one: medgan train synthesize/template.",
        )
    if output_of(info).space.spatial_dims != 3:
        raise ModelError(
            "a label map is a volume, and this model makes single slices",
            where=info.name,
            hint="Train a template of volumes.",
        )
    if output_of(info).space.modalities:
        raise ModelError(
            "a template of several modalities cannot be bent to a label map: the scores that say "
            "which it is would move",
            where=info.name,
            hint="Train one of a single modality.",
        )


def find_label_maps(folder: Path) -> list[Found]:
    """List the label maps of a folder; all of its scans, where none is known to be one.

    Raises
    ------
    DataError
        If there is none.
    """
    scans = discover(folder).scans
    found = [scan for scan in scans if scan.kind == "label"] or list(scans)
    if not found:
        raise DataError("there is no label map", where=str(folder), hint="Name another folder.")
    return found


@dataclass(frozen=True, eq=False)
class GivenLabels:
    """A label map on the grid of a model.

    Parameters
    ----------
    channels
        (K, *S) signed distances, RAS order.
    affine
        (4, 4) from their voxels to RAS+ millimetres: the image lies where the map does.
    sources
        Names of its files, and its content hash, for the provenance of the case.
    """

    channels: NDArray[np.float32]
    affine: NDArray[np.float64]
    sources: tuple[str, ...] = ()
    content_hash: str = ""


def given_labels(found: Found, space: Space, sources: Sequence[str] = ()) -> GivenLabels:
    """Bring a label map onto the grid of a model.

    Parameters
    ----------
    sources
        What its files are called in the provenance.

    Raises
    ------
    DataError
        If it reaches beyond the grid, holds none of the model's labels, or is no label map.
    """
    values, label = space.label_values, load_found(found)
    if found.kind != "label" and not np.isin(label.values, (0, *values)).all():
        raise DataError(
            "it is no label map of this model: it holds other values than 0, "
            f"{', '.join(map(str, values))}",
            where=found.id,
            hint="Name a folder of label maps.",
        )
    whole, kept = label_on_grid(label, space)
    n_there, n_kept = (int(np.isin(np.asarray(one), values).sum()) for one in (whole, kept))
    if not n_there:
        raise DataError(
            f"it holds none of the model's labels: {', '.join(map(str, values))}",
            where=found.id,
            hint="Name a folder of label maps of the anatomy that the model makes.",
        )
    if n_kept != n_there:
        raise DataError(
            f"{n_there - n_kept} of {n_there} label voxels lie outside the grid of the model",
            where=found.id,
            hint=f"Crop it to {' x '.join(map(str, space.shape))} voxels around its labels.",
        )
    inside = np.asarray(kept[0])
    labels = np.where(np.isin(inside, values), inside, 0).astype(np.uint8)
    return GivenLabels(
        channels=encode(labels, values),
        affine=np.asarray(kept.affine, np.float64),
        sources=tuple(sources),
        content_hash=label.content_hash,
    )


def image_of_labels(
    network: nn.Module, channels: NDArray[np.float32], z: Tensor
) -> NDArray[np.float32]:
    """Make a sample (C, *S) whose labels are the given channels (K, *S).

    Parameters
    ----------
    z
        (1, latent) ~ N(0, 1): where the search for a displacement starts and is held to, and the
        noise of the image.

    Notes
    -----
    Minimises |labels(z') - given|^2 / 0.3^2 + |z' - z|^2 over the scores and the noise that moves
    anything. For a linear model and a tolerance of 0 that draws from the posterior of latents given
    the labels; a tolerance above 0 draws from a narrower distribution.

    Raises
    ------
    TypeError
        If the network has no template; `check_can_be_bent` tells it of a model.
    """
    template = network.template if isinstance(network, RefinedTemplate) else network
    if not isinstance(template, DeformableTemplate):
        raise TypeError("only a template can be bent to a label map")
    target = torch.from_numpy(channels)[None].to(z.device)
    with torch.enable_grad():
        found = _bend(template, target, z[:, : template.latent])
    with torch.no_grad():
        if isinstance(network, RefinedTemplate):
            drawn, texture = template.parts(found)
            drawn = torch.cat([drawn[:, :1], target], dim=1)
            image = network.refiner(drawn, texture, network.split(z)[1])[:, :1]
            image = scaled(image, template.log_gains(found[:, -N_BANDS:]))
        else:
            image = template(found)[:, :1]
        sample = torch.cat([image.clamp(-1, 1), target], dim=1)
    made: NDArray[np.float32] = sample[0].float().cpu().numpy()
    return made


def _bend(template: DeformableTemplate, target: Tensor, z: Tensor) -> Tensor:
    """Return the latent near z (1, latent) under which the template's labels lie on the target."""
    n_moved = template.n_moving
    start, rest = z[:, :n_moved], z[:, n_moved:]
    moved = start.clone().requires_grad_()
    adam = torch.optim.Adam([moved], RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, STEPS)
    for _ in range(STEPS):
        labels = template.smooth_labels(torch.cat([moved, rest], dim=1))
        loss = ((labels - target) / TOLERANCE).square().sum() + (moved - start).square().sum()
        (moved.grad,) = torch.autograd.grad(loss, [moved])
        adam.step()
        schedule.step()
    return torch.cat([moved.detach(), rest], dim=1)
