"""Chains of stages over many scans: plan, units, ledger, engine; the driver is `run.py`.

May touch every room below it. Stages import torch and MONAI inside their functions, in a child.
Doors: `run_pipeline`, `rehearse`, `read_pipeline`, `RunOptions`, `RunSummary`, `Progress`;
`calls` holds what `import medgan` offers, `stages/` one file per stage.
"""

from medgan.pipeline.progress import Progress
from medgan.pipeline.run import RunOptions, rehearse, run_pipeline
from medgan.pipeline.settings import Pipeline, read_pipeline
from medgan.pipeline.summary import RunSummary

__all__ = [
    "Pipeline",
    "Progress",
    "RunOptions",
    "RunSummary",
    "read_pipeline",
    "rehearse",
    "run_pipeline",
]
