"""How people lay out images and label maps: training, export and names must agree on all of it."""

from __future__ import annotations

LAYOUTS = (
    ("images/{}.nii.gz", "labels/{}.nii.gz"),
    ("images/{}.nii.gz", "masks/{}.nii.gz"),
    ("images/{}.nii.gz", "segmentations/{}.nii.gz"),
    ("images/{}_image.nii.gz", "labels/{}_labels.nii.gz"),
    ("imagesTr/{}_0000.nii.gz", "labelsTr/{}.nii.gz"),
    ("{}/image.nii.gz", "{}/label.nii.gz"),
    ("{}/image.nii.gz", "{}/labels.nii.gz"),
    ("{}/image.nii.gz", "{}/dseg.nii.gz"),
    ("{}/image.nii.gz", "{}/segmentation.nii.gz"),
    ("{}.nii.gz", "{}_label.nii.gz"),
    ("{}.nii.gz", "{}_seg.nii.gz"),
    ("{}.nii.gz", "{}_segmentation.nii.gz"),
    ("{}.nii.gz", "{}_mask.nii.gz"),
)
"""Image and label map of case {}."""
