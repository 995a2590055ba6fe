"""The page: one HTML file that needs nothing from outside, and the same facts as JSON beside it."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image, UnidentifiedImageError

from medgan.record import DISCLAIMER, ScanRecord, dump, finite
from medgan.report import tables
from medgan.report.context import ReportContext
from medgan.report.methods import methods_text
from medgan.scans import positions_in_words
from medgan.scans.atomic import write_bytes

HTML_NAME, JSON_NAME = "report.html", "report.json"
FORMAT = 1
"""Version of the layout of `report.json`."""
EMBEDDED_SCANS = 40
"""Scans whose pictures are put into the page, worst first; those of others are linked. A page of
a thousand scans would otherwise be larger than a browser opens."""
MAX_PICTURE_BYTES = 20 * 2**20


@dataclass(frozen=True)
class Picture:
    """A picture of the page.

    Parameters
    ----------
    href
        Relative link to the file, percent-encoded.
    caption
        Read from the PNG itself.
    data
        `data:` URI; empty where the picture is only linked.
    problem
        Why it cannot be shown, or empty.
    """

    href: str
    caption: str = ""
    data: str = ""
    width: int = 0
    height: int = 0
    problem: str = ""


@dataclass(frozen=True)
class ShownScan:
    """A scan on the page.

    Parameters
    ----------
    anchor
        Id of its section; empty for a scan that has only its line in the overview.
    """

    record: ScanRecord
    pictures: tuple[Picture, ...]
    anchor: str


def write_report(records: Sequence[ScanRecord], folder: Path, context: ReportContext) -> Path:
    """Write `report.html` and `report.json` into a folder.

    The same records, context and pictures give the same bytes. Scans stand worst first. A picture
    that is not there is named on the page, not an error.

    Parameters
    ----------
    records
        One per scan, in any order.
    folder
        Output folder of the run; pictures are looked up below it.

    Returns
    -------
    Path
        Of the HTML page.

    Raises
    ------
    WriteError
        If a file cannot be written.
    """
    document = report_document(records, context)
    write_bytes(folder / JSON_NAME, dump(document).encode())
    page = folder / HTML_NAME
    # Names of files may hold bytes that are no text: they are shown as `printable` has them.
    write_bytes(page, render(records, folder, context).encode(errors="backslashreplace"))
    return page


def report_document(records: Sequence[ScanRecord], context: ReportContext) -> dict[str, Any]:
    """Everything on the page as plain JSON; numbers that are not finite become null."""
    ordered = tables.worst_first(records)
    document = {
        "format": FORMAT,
        "disclaimer": DISCLAIMER,
        **asdict(context),
        "summary": _summary(records, context).as_json(),
        "methods": methods_text(ordered, context),
        "scans": [record.as_json() for record in ordered],
    }
    plain: dict[str, Any] = finite(document)
    return plain


def render(records: Sequence[ScanRecord], folder: Path, context: ReportContext) -> str:
    """Fill the template; everything from outside the code is escaped."""
    ordered = tables.worst_first(records)
    style = _style()
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            context=context,
            disclaimer=DISCLAIMER,
            policy=content_policy(style),
            # The style sheet is ours; escaping it would break its selectors and its hash.
            style=Markup(style),
            summary=_summary(records, context),
            scans=[_shown(record, folder, rank) for rank, record in enumerate(ordered)],
            gallery=[read_picture(name, folder, embed=True) for name in context.gallery],
            methods=methods_text(ordered, context),
            settings_text=dump(finite(context.settings)).strip(),
        )
    )


def content_policy(style: str) -> str:
    """Content-Security-Policy that allows embedded pictures and this one style sheet.

    References
    ----------
    Content Security Policy Level 3, sections 6.1 (fetch directives) and 2.3.1 (hash sources).
    """
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )


def read_picture(name: str, folder: Path, *, embed: bool) -> Picture:
    """Read a PNG below the folder with the caption it carries.

    Parameters
    ----------
    name
        Path relative to `folder`; one that leads out of it is refused.
    embed
        Whether to put the bytes into the page.
    """
    href = relative_link(name)
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        return Picture(href, problem="this picture lies outside the output folder")
    try:
        if path.stat().st_size > MAX_PICTURE_BYTES:
            return Picture(href, problem="this picture is too large to embed")
        data = path.read_bytes()
        with Image.open(io.BytesIO(data), formats=["PNG"]) as opened:
            width, height = opened.size
            caption = str(opened.info.get("Description", ""))
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError):
        return Picture(href, problem="this picture cannot be read")
    uri = f"data:image/png;base64,{base64.b64encode(data).decode()}" if embed else ""
    return Picture(href, caption, uri, width, height)


def relative_link(name: str) -> str:
    """Make a link that stays below the page whatever the name: `./` first, percent-encoded."""
    return "./" + quote(name, safe="/")


def _shown(record: ScanRecord, folder: Path, rank: int) -> ShownScan:
    embed = rank < EMBEDDED_SCANS
    pictures = tuple(read_picture(name, folder, embed=embed) for name in record.pictures)
    return ShownScan(record, pictures, f"scan-{rank + 1}" if tables.has_section(record) else "")


def _summary(records: Sequence[ScanRecord], context: ReportContext) -> tables.Summary:
    n_refused = sum(len(entry.files) for entry in context.refused)
    n_set_aside = sum(len(entry.files) for entry in context.set_aside)
    return tables.summarise(records, n_refused, n_set_aside)


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("medgan.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["view"] = tables
    environment.filters["number"] = tables.number
    environment.filters["interval"] = tables.interval
    environment.filters["positions"] = positions_in_words
    environment.filters["link"] = relative_link
    return environment


def _style() -> str:
    """Read the style sheet as it stands between its tags: the browser hashes exactly that."""
    sheet = resources.files("medgan.report").joinpath("templates", "style.css")
    return sheet.read_text(encoding="utf-8")
