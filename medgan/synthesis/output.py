"""What a synthesis model must say of its numbers: `expects` in its `model.json`."""

from __future__ import annotations

from pydantic import ValidationError

from medgan.data.space import Space
from medgan.errors import ModelError
from medgan.models import ModelInfo, check_kind
from medgan.settings import Settings


class Output(Settings):
    """From channels in -1..1 to a scan with labels on a real grid."""

    space: Space
    """Grid, orientation and channels."""
    latent: int
    """Length of the latent vector."""
    intensity_range: tuple[float, float]
    """Physical values at -1 and 1: the window, or the median of the training scans' percentiles."""
    label_volumes: tuple[float, ...] = ()
    """Mean number of voxels of each class in a training sample."""
    label_offsets: tuple[float, ...] = ()
    """Added to the label channels before they are decoded, so that mean volumes match."""
    largest_part: bool = True
    """Whether only the largest connected part of each class is kept."""


def output_of(info: ModelInfo) -> Output:
    """Read the output of a synthesis model.

    Raises
    ------
    ModelError
        If the model makes no scans, or does not say what they are.
    """
    check_kind(info, "synthesizer")
    try:
        return Output.model_validate(info.expects)
    except ValidationError as error:
        first = error.errors()[0]
        raise ModelError(
            f"model.json does not say what is made: {'.'.join(map(str, first['loc']))}: "
            f"{first['msg']}",
            where=info.name,
            hint="Use a folder made by `medgan train`.",
        ) from None
