"""What a scan is, and every door to the disk.

The only room that imports pydicom, nibabel, SimpleITK or highdicom; it works on numpy arrays and
never reaches torch or monai. Doors: `discover` and `load` to read, `Scan` and `Grid` to hold,
`write_*` to write, `validate` to prove what was written.
"""

from medgan.scans.dicom_write import write_dicom
from medgan.scans.discover import discover
from medgan.scans.grid import Grid
from medgan.scans.listing import Found, Listing, Refused, SetAside, missing_instances
from medgan.scans.load import load, load_found
from medgan.scans.nifti_write import write_labels, write_mask, write_nifti
from medgan.scans.scan import Gap, Scan, Source, runs
from medgan.scans.segmentation import write_segmentation
from medgan.scans.validate import validate
from medgan.scans.volume_files import files_of_volume, volume_suffix

__all__ = [
    "Found",
    "Gap",
    "Grid",
    "Listing",
    "Refused",
    "Scan",
    "SetAside",
    "Source",
    "discover",
    "files_of_volume",
    "load",
    "load_found",
    "missing_instances",
    "runs",
    "validate",
    "volume_suffix",
    "write_dicom",
    "write_labels",
    "write_mask",
    "write_nifti",
    "write_segmentation",
]
