"""The table of stages: a stage that is not here does not exist."""

from __future__ import annotations

from medgan.pipeline.stage import Stage
from medgan.pipeline.stages.enrol import ENROL
from medgan.pipeline.stages.evaluate import EVALUATE
from medgan.pipeline.stages.export import EXPORT
from medgan.pipeline.stages.index import INDEX
from medgan.pipeline.stages.manifest import MANIFEST
from medgan.pipeline.stages.pictures import PICTURES
from medgan.pipeline.stages.preprocess import PREPROCESS
from medgan.pipeline.stages.real import REAL
from medgan.pipeline.stages.report import REPORT
from medgan.pipeline.stages.restore import RESTORE
from medgan.pipeline.stages.synthesize import SYNTHESIZE
from medgan.pipeline.stages.train import TRAIN
from medgan.pipeline.stages.validate import VALIDATE

STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        INDEX,
        RESTORE,
        PICTURES,
        EXPORT,
        VALIDATE,
        PREPROCESS,
        TRAIN,
        SYNTHESIZE,
        REAL,
        ENROL,
        MANIFEST,
        EVALUATE,
        REPORT,
    )
}
