"""Fill what is missing from one scan, judge it on the scan itself, and train what fills.

May touch evaluation, training, models, networks, data, interpolation and scans; never a sibling
(`report`, `synthesis`). Doors: `restore_scan` with `load_fillers` and `RestoreSettings`;
`fill_region` for what is marked inside slices, `thin_slices` for thick ones; `correct_scan` with
`load_denoisers` for noise, ringing and bias fields; `detect` for damaged slices; `hide_and_score`
for a person's own complete scan, `compare` for a restored one beside its truth; `within_memory`
where memory runs out; `RestorerRecipe` and `fit_restorer`, `DenoiserRecipe` and `fit_denoiser`,
`SlabRecipe` and `fit_slabs` to train.
"""

from medgan.restoration.compare import compare
from medgan.restoration.correct import correct_scan
from medgan.restoration.denoise import load_denoisers
from medgan.restoration.denoise_recipe import DenoiserRecipe
from medgan.restoration.denoisers import Denoiser
from medgan.restoration.fill import load_fillers, restore_scan
from medgan.restoration.hide_and_score import hide_and_score, positions_of
from medgan.restoration.net_thinner import NetThinner, load_thinner
from medgan.restoration.recipe import RestorerRecipe
from medgan.restoration.region import fill_region
from medgan.restoration.settings import RestoreSettings
from medgan.restoration.slab_recipe import SlabRecipe
from medgan.restoration.step_down import within_memory
from medgan.restoration.thick import thin_slices
from medgan.restoration.train import fit_denoiser, fit_restorer, fit_slabs

__all__ = [
    "Denoiser",
    "DenoiserRecipe",
    "NetThinner",
    "RestoreSettings",
    "RestorerRecipe",
    "SlabRecipe",
    "compare",
    "correct_scan",
    "fill_region",
    "fit_denoiser",
    "fit_restorer",
    "fit_slabs",
    "hide_and_score",
    "load_denoisers",
    "load_fillers",
    "load_thinner",
    "positions_of",
    "restore_scan",
    "thin_slices",
    "within_memory",
]
