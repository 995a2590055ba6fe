"""Chains of stages over many scans: plan, units, ledger, engine; the driver is `run.py`.

May touch every room below it. Stages import torch and MONAI inside their functions, in a child.
Doors: `run_pipeline`, `rehearse`, `read_status`, `read_pipeline`, `RunOptions`, `Shard`, `Cluster`,
`RunSummary`, and those who watch a run (`Progress`, `Events`, `Together`, `Watcher`),
and what went wrong in one (`trouble_lines`); `calls` holds what `import medgan` offers, `stages/`
one file per stage.
"""

from medgan.pipeline.cluster import Cluster
from medgan.pipeline.events import Events
from medgan.pipeline.options import RunOptions
from medgan.pipeline.progress import Progress, trouble_lines
from medgan.pipeline.rehearse import rehearse
from medgan.pipeline.run import run_pipeline
from medgan.pipeline.settings import Pipeline, read_pipeline
from medgan.pipeline.shards import Shard
from medgan.pipeline.status import read_status
from medgan.pipeline.summary import RunSummary
from medgan.pipeline.watch import Together, Watcher

__all__ = [
    "Cluster",
    "Events",
    "Pipeline",
    "Progress",
    "RunOptions",
    "RunSummary",
    "Shard",
    "Together",
    "Watcher",
    "read_pipeline",
    "read_status",
    "rehearse",
    "run_pipeline",
    "trouble_lines",
]
