"""One adversarial loop for both capabilities, and what it is made of.

The loop knows a `Task` (what a batch is, how the generator is called, what the discriminator sees)
and tensors. It never looks up at `evaluation` or `synthesis`: whoever starts it may hand it a
`validate` callable. Doors: `train`, `Task`, `TrainSettings`, `Result`, `Processes`.
"""

from medgan.training.loop import Result, train
from medgan.training.processes import Processes
from medgan.training.settings import TrainSettings
from medgan.training.task import Batch, Task

__all__ = ["Batch", "Processes", "Result", "Task", "TrainSettings", "train"]
