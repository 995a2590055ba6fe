"""The explicit table of architectures: a model folder can name these and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from medgan.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from medgan.networks.denoise_net import DenoiseNet
from medgan.networks.patch_critic import PatchCritic
from medgan.networks.prior import LinearPrior
from medgan.networks.refined_template import RefinedTemplate
from medgan.networks.slab_net import SlabNet
from medgan.networks.slice_critic import SliceCritic
from medgan.networks.slice_net import SliceNet
from medgan.networks.template import DeformableTemplate

ARCHITECTURES: dict[str, Callable[..., nn.Module]] = {
    "dcgan_generator": DCGANGenerator,
    "dcgan_discriminator": DCGANDiscriminator,
    "denoise_net": DenoiseNet,
    "linear_prior": LinearPrior,
    "deformable_template": DeformableTemplate,
    "refined_template": RefinedTemplate,
    "patch_critic": PatchCritic,
    "slab_net": SlabNet,
    "slice_net": SliceNet,
    "slice_critic": SliceCritic,
}


def build(architecture: str, settings: dict[str, Any]) -> nn.Module:
    """Make an untrained network by name.

    Raises
    ------
    KeyError
        If the name is not in the table.
    TypeError, ValueError
        If the settings do not fit the architecture.
    """
    return ARCHITECTURES[architecture](**settings)
