"""medgan: restore missing slices of CT and MR scans, and make virtual ones.

`inspect`, `load`, `restore` and `synthesize` are the commands as functions; `Scan` is what they
work on; `SyntheticDataset` makes virtual cases on the fly. Each is imported when it is first
used: `import medgan` loads neither torch nor MONAI.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = [
    "Scan",
    "SyntheticDataset",
    "__version__",
    "inspect",
    "load",
    "restore",
    "synthesize",
]

if TYPE_CHECKING:
    from medgan.pipeline.calls import inspect, restore, synthesize
    from medgan.scans import Scan
    from medgan.scans.load import load
    from medgan.synthesis import SyntheticDataset

_DOORS = {
    "inspect": "medgan.pipeline.calls",
    "restore": "medgan.pipeline.calls",
    "synthesize": "medgan.pipeline.calls",
    "load": "medgan.scans",
    "Scan": "medgan.scans",
    "SyntheticDataset": "medgan.synthesis",
}


def __getattr__(name: str) -> Any:
    """Import a door when it is first used (PEP 562)."""
    if name not in _DOORS:
        raise AttributeError(f"module 'medgan' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_DOORS[name]), name)
