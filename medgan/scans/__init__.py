"""What a scan is, and every door to the disk.

The only room that imports pydicom, nibabel, SimpleITK or highdicom; it works on numpy arrays and
never reaches torch or monai. Doors: `discover` and `load` to read, `Scan` and `Grid` to hold,
`write_*` to write, `validate` to prove what was written.
"""

from medgan.scans.bias_field import bias_field
from medgan.scans.bids import BidsName, bids_name, study_of
from medgan.scans.bids_sidecars import carried_over, dataset_files, mask_sidecar, sidecar
from medgan.scans.burned_in import refuse_burned_in_text
from medgan.scans.constant_gaps import ConstantGaps, with_constant_gaps
from medgan.scans.dicom_order import Order
from medgan.scans.dicom_write import dicom_datasets, notes_of_values, write_dicom
from medgan.scans.discover import discover
from medgan.scans.grid import Grid
from medgan.scans.label_places import image_of, labels_on
from medgan.scans.listing import (
    Found,
    Listing,
    Refused,
    SetAside,
    missing_instances,
    name_below,
    positions_in_words,
)
from medgan.scans.load import load, load_found
from medgan.scans.nifti_write import (
    write_labels,
    write_map,
    write_mask,
    write_missing_mask,
    write_nifti,
)
from medgan.scans.parametric_map import DIFFERENCE, HOUNSFIELD, NO_UNIT, write_parametric_map
from medgan.scans.physical_view import PhysicalView
from medgan.scans.region import read_region
from medgan.scans.restack import Restack
from medgan.scans.roles import (
    CHANNEL,
    EXTENSIONS,
    is_further_channel,
    is_made_mask,
    without_role,
)
from medgan.scans.scan import Gap, Scan, Source, runs
from medgan.scans.segmentation import write_segmentation
from medgan.scans.segmentation_read import segment_names
from medgan.scans.straighten import is_tilted, straighten
from medgan.scans.validate import validate
from medgan.scans.validate_segmentation import validate_segmentation
from medgan.scans.volume_files import files_of_volume, volume_suffix

__all__ = [
    "CHANNEL",
    "DIFFERENCE",
    "EXTENSIONS",
    "HOUNSFIELD",
    "NO_UNIT",
    "BidsName",
    "ConstantGaps",
    "Found",
    "Gap",
    "Grid",
    "Listing",
    "Order",
    "PhysicalView",
    "Refused",
    "Restack",
    "Scan",
    "SetAside",
    "Source",
    "bias_field",
    "bids_name",
    "carried_over",
    "dataset_files",
    "dicom_datasets",
    "discover",
    "files_of_volume",
    "image_of",
    "is_further_channel",
    "is_made_mask",
    "is_tilted",
    "labels_on",
    "load",
    "load_found",
    "mask_sidecar",
    "missing_instances",
    "name_below",
    "notes_of_values",
    "positions_in_words",
    "read_region",
    "refuse_burned_in_text",
    "runs",
    "segment_names",
    "sidecar",
    "straighten",
    "study_of",
    "validate",
    "validate_segmentation",
    "volume_suffix",
    "with_constant_gaps",
    "without_role",
    "write_dicom",
    "write_labels",
    "write_map",
    "write_mask",
    "write_missing_mask",
    "write_nifti",
    "write_parametric_map",
    "write_segmentation",
]
