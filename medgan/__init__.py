"""medgan: restore missing slices of CT and MR scans, and make virtual ones."""

__version__ = "0.1.0"
