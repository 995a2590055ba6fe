"""Virtual scans: a recipe and a folder of scans to a model, a model to cases on a real grid.

May touch data, networks, models, training and evaluation, and scans. Doors: `gather`
and `fit_synthesizer` to train, `synthesize` and `SyntheticDataset` to sample, `export_case` and
`write_manifest` to write.
"""

from medgan.synthesis.copy_guard import CopyGuard
from medgan.synthesis.dataset import SyntheticDataset
from medgan.synthesis.export import Format, check_formats, export_case, write_manifest
from medgan.synthesis.fit import Material, fit_synthesizer, gather
from medgan.synthesis.fitted_recipes import PriorRecipe, TemplateRecipe
from medgan.synthesis.output import Output, output_of
from medgan.synthesis.place import VirtualCase
from medgan.synthesis.refined_recipe import TemplateGanRecipe
from medgan.synthesis.sample import synthesize
from medgan.synthesis.settings import SynthesizeRecipe

__all__ = [
    "CopyGuard",
    "Format",
    "Material",
    "Output",
    "PriorRecipe",
    "SynthesizeRecipe",
    "SyntheticDataset",
    "TemplateGanRecipe",
    "TemplateRecipe",
    "VirtualCase",
    "check_formats",
    "export_case",
    "fit_synthesizer",
    "gather",
    "output_of",
    "synthesize",
    "write_manifest",
]
