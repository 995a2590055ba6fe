"""The side files of a BIDS-derivatives tree: what stands at its top, and beside every scan."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from medgan.scans.bids import OTHER, OUTSIDE

VERSION = "1.10.0"
SOURCE = "source"
SOURCE_URI = "urn:medgan:source"
"""Name of the data set that `Sources` are relative to: the folder that was converted."""

CARRIED = ("SkullStripped", "RepetitionTime", "EchoTime", "FlipAngle", "MagneticFieldStrength")
"""What is taken over from a source's own sidecar: figures, no text."""


def dataset_files(version: str) -> dict[str, str]:
    """Return the files at the top of a tree, which are the same for every scan in it."""
    description = {
        "Name": "Scans written by medgan",
        "BIDSVersion": VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [
            {
                "Name": "medgan",
                "Version": version,
                "Description": "Research use only, not for diagnosis",
            }
        ],
        # A name and no place: where the source lies is this machine's business.
        "SourceDatasets": [{"URL": SOURCE_URI}],
        "DatasetLinks": {SOURCE: SOURCE_URI},
    }
    outside = [f"*_{suffix}.*" for suffix in (*OUTSIDE.values(), OTHER)]
    return {
        "dataset_description.json": json.dumps(description, indent=2) + "\n",
        ".bidsignore": "\n".join(("report.*", *outside)) + "\n",
        "README": README,
    }


README = """\
Scans written by medgan, as BIDS derivatives. Research use only, not for diagnosis.

*_desc-asread_*     as in the source, nothing filled in
*_desc-restored_*   missing slices were filled in
*_desc-estimated_mask.nii.gz  1 in voxels that a program made
*_desc-missing_mask.nii.gz    1 in slices that were not there: their value means nothing
*_res-straight_*    a tilted stack, resampled to a straight grid: derived values, none measured

The sidecar beside each scan says where it came from, and has the whole record under "medgan".
Sources are relative to the folder that was converted, as bids:source:<path>.
SkullStripped false means that medgan did not strip it; what came before is not known.
"""


def sidecar(
    sources: Sequence[str], description: str, record: Mapping[str, Any], **more: Any
) -> dict[str, Any]:
    """Return the JSON sidecar of a scan, readable without this tool.

    Parameters
    ----------
    sources
        Files it was made from, relative to the folder that was converted.
    record
        All that is known about it, as plain JSON.
    more
        Further keys of the standard.
    """
    return {
        "Description": description,
        "SkullStripped": False,
        "Sources": [f"bids:{SOURCE}:{quote(name)}" for name in sources],
        **more,
        "medgan": dict(record),
    }


def carried_over(document: object) -> dict[str, float | bool]:
    """Return what is taken over from the sidecar of a source that was BIDS, as read from JSON."""
    known = document if isinstance(document, dict) else {}
    figures = {key: known.get(key) for key in CARRIED}
    return {key: value for key, value in figures.items() if isinstance(value, bool | int | float)}


def mask_sidecar(image: str, description: str) -> dict[str, Any]:
    """Return the JSON sidecar of a mask; its source is the image it belongs to."""
    uri = f"bids::{quote(image)}"
    return {"Description": description, "Sources": [uri], "SpatialReference": uri}
