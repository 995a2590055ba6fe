"""The recipe of a GAN, and what it shares with the others in `configs/synthesize/*.yaml`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from medgan.data.augmentation import AugmentSettings
from medgan.data.space import PrepareSettings
from medgan.data.splits import Role
from medgan.networks.dcgan import plan
from medgan.settings import Settings
from medgan.synthesis.conditions import MOST_CONDITIONS, NAME
from medgan.training.settings import TrainSettings


class GeneratorSettings(Settings):
    """The transposed-convolution generator, `networks.dcgan`."""

    latent: int = Field(128, ge=1, le=65536)
    """Length of the latent vector z ~ N(0, 1)."""
    base_channels: int = Field(256, ge=16, le=4096, multiple_of=16)
    """Channels of the 4 x 4 (x 4) seed; halved at every doubling of the size."""
    norm: Literal["batch", "group"] = "batch"
    """batch: as in the paper. group: every sample by itself, the same in training and sampling."""


class DiscriminatorSettings(Settings):
    """The strided-convolution discriminator, `networks.dcgan`."""

    base_channels: int = Field(64, ge=8, le=4096)
    """Channels of the first convolution; doubled at every halving of the size, up to four times."""


class EyeSettings(Settings):
    """How blurred the discriminator's eye is: what keeps few scans from being learnt by heart."""

    augment: AugmentSettings = AugmentSettings()
    """Changes of real and virtual samples alike, before the discriminator sees them."""
    noise: float = Field(0.0, ge=0)
    """Standard deviation of Gaussian noise on real and virtual samples alike, in units of network
    space (instance noise, Sonderby et al. 2017, section 4), at the first step."""
    noise_steps: int = Field(1, ge=1)
    """Steps over which that noise falls linearly to zero."""


class SamplingSettings(Settings):
    """How samples become scans with labels."""

    calibration_samples: int = Field(64, ge=8, le=1_000_000)
    """Samples from which label thresholds are set, so that mean volumes match the training set."""
    largest_part: bool = True
    """Keep only the largest connected part of every label class."""
    slice_cuts: bool = True
    """Divide labels by planes between slices where those of the training set are so divided."""


class BaseRecipe(Settings):
    """What the recipes of all synthesis models share."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    """Name of the model, used in cards and records."""
    spatial_dims: Literal[2, 3]
    """2: slices, 3: volumes."""
    train_parts: tuple[Role, ...] = ("train", "validation")
    """Parts of the split that are trained on. Validation scans may be, as long as nothing is
    chosen by them; test scans never are."""
    held_back: float = Field(0.0, ge=0, lt=0.5)
    """Share of the training cases that are not trained on, but kept to look at on the way (see
    docs/training.md) and to compare the model with the linear prior at the end; validation scans
    that `train_parts` leaves out are, too. 0 and all parts trained on: neither. At least six."""
    data: PrepareSettings
    """From scans to samples."""
    sampling: SamplingSettings = SamplingSettings()
    """After training."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if len(self.data.shape) != self.spatial_dims:
            raise ValueError(
                f"data.shape has {len(self.data.shape)} sides, spatial_dims is {self.spatial_dims}"
            )
        if "test" in self.train_parts:
            raise ValueError("train_parts: test scans are never trained on")
        return self


class ConditionedRecipe(BaseRecipe):
    """What the recipes share whose models can be asked for cases of a kind."""

    conditions: tuple[Annotated[str, Field(pattern=NAME)], ...] = Field(
        (), max_length=MOST_CONDITIONS
    )
    """What can be asked for when cases are made: `volume_<label value>`, measured on the labels,
    `modality`, as the scans say, or columns of `conditions_file`."""
    conditions_file: Path | None = None
    """CSV or TSV of the training cases, with a column `id`, `case`, `participant_id` or `name`."""


class GanRecipe(BaseRecipe):
    """What the recipes of both GANs share."""

    batch_size: int = Field(16, ge=2, le=65536)
    """Samples a step."""
    n_workers: int = Field(0, ge=0, le=256)
    """Processes that load samples; 0: the training process itself, which is enough once cached."""
    eye: EyeSettings = EyeSettings()
    """How the discriminator sees them."""
    train: TrainSettings = TrainSettings()
    """The adversarial loop."""

    @property
    def seed(self) -> int:
        """Of every random stream."""
        return self.train.seed


class SynthesizeRecipe(GanRecipe):
    """All of the recipe of a GAN."""

    kind: Literal["synthesis"]
    """Says which capability the file trains."""
    augment: AugmentSettings = AugmentSettings()
    """Changes of samples as they are loaded: the generator learns to make them too."""
    generator: GeneratorSettings = GeneratorSettings()
    """What makes samples."""
    discriminator: DiscriminatorSettings = DiscriminatorSettings()
    """What judges them."""

    @model_validator(mode="after")
    def _can_be_built(self) -> Self:
        plan(self.data.shape)
        return self
