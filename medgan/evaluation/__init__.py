"""How good is it: figures for restored slices and for virtual images, on plain arrays.

May touch training, models, networks, data and interpolation; never a file and never a scan's
header: whoever calls has loaded the arrays. A figure of virtual images always stands beside what
real images reach against other real images. Doors: `evaluate_synthetic` with `ImageSet` and
`SyntheticReport`; `common_grid`, `common_labels` and `common_shape`, through which both sides go.
"""

from medgan.evaluation.common_grid import common_grid, common_labels, common_shape
from medgan.evaluation.image_set import ImageSet
from medgan.evaluation.synthetic import evaluate_synthetic
from medgan.evaluation.synthetic_report import ARROWS, Figure, SyntheticReport, Verdict

__all__ = [
    "ARROWS",
    "Figure",
    "ImageSet",
    "SyntheticReport",
    "Verdict",
    "common_grid",
    "common_labels",
    "common_shape",
    "evaluate_synthetic",
]
