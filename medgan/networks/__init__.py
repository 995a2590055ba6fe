"""Tensors in, tensors out: one architecture per file, 2D and 3D by one `spatial_dims` argument.

A network knows nothing of scans, files or millimetres beyond the tensors it is given. Model
folders name an architecture; `build` looks the name up in one explicit table.
"""

from medgan.networks.table import ARCHITECTURES, build

__all__ = ["ARCHITECTURES", "build"]
