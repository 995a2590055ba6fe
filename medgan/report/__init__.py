"""What a person looks at after a run: pictures, tables, one page that needs nothing from outside.

Reads plain records and arrays; it never imports what made the images, only draws them. Doors:
`write_report` with its `ReportContext`, and the pictures: `restoration_figure`,
`filled_slice_figure`, `hidden_slice_figure`, `suspect_figure`, `real_beside_virtual`.
"""

from medgan.record import DISCLAIMER
from medgan.report.context import Column, Listed, ModelUse, ReportContext, Table, listed
from medgan.report.methods import methods_text
from medgan.report.montage import real_beside_virtual
from medgan.report.page import write_report
from medgan.report.pictures import filled_slice_figure, hidden_slice_figure, restoration_figure
from medgan.report.suspect_picture import suspect_figure

__all__ = [
    "DISCLAIMER",
    "Column",
    "Listed",
    "ModelUse",
    "ReportContext",
    "Table",
    "filled_slice_figure",
    "hidden_slice_figure",
    "listed",
    "methods_text",
    "real_beside_virtual",
    "restoration_figure",
    "suspect_figure",
    "write_report",
]
