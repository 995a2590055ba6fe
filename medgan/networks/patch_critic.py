"""A critic that scores every place of an image by what lies around it, in 2D and 3D."""

from __future__ import annotations

from torch import Tensor, nn


class PatchCritic(nn.Module):
    """Images to maps of logits: convolutions, LeakyReLU, no normalisation.

    Parameters
    ----------
    spatial_dims
        2 or 3.
    in_channels
        Channels of what it sees.
    width
        Channels at the size of the input; twice as many at half of it.

    Notes
    -----
    Many scores for each image (Isola et al. 2017, section 3.2.2): few scans are then many examples.
    A logit sees 14 places along each axis. No normalisation, because gradient penalties
    are defined sample by sample.
    """

    def __init__(self, spatial_dims: int, in_channels: int, width: int = 32) -> None:
        super().__init__()
        Conv = nn.Conv2d if spatial_dims == 2 else nn.Conv3d
        self.layers = nn.Sequential(
            Conv(in_channels, width, 3, padding=1),
            nn.LeakyReLU(0.2),
            Conv(width, 2 * width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            Conv(2 * width, 2 * width, 3, padding=1),
            nn.LeakyReLU(0.2),
            Conv(2 * width, 2 * width, 3, padding=1),
            nn.LeakyReLU(0.2),
            Conv(2 * width, 1, 1),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (B, 1, *S / 2) of images (B, in_channels, *S)."""
        logits: Tensor = self.layers(images)
        return logits
