"""Whatever a stage reads counts among what its result depends on."""

from __future__ import annotations

import json
from pathlib import Path

from medgan.pipeline.inputs import files_of_input, files_of_scans
from medgan.pipeline.recipes import files_of_recipe, read_recipe
from medgan.pipeline.stage import Context
from medgan.scans import discover
from tests.cli.small_scans import write_scan


def context(source: Path | None, tmp_path: Path) -> Context:
    return Context(out=tmp_path / "out", input=source)


def write_detached(header: Path) -> None:
    """Write an MHD header, and its voxels beside it."""
    header.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        "ObjectType = Image",
        "NDims = 3",
        "DimSize = 4 4 4",
        "TransformMatrix = 1 0 0 0 1 0 0 0 1",
        "Offset = 0 0 0",
        "ElementSpacing = 1 1 2",
        "ElementType = MET_SHORT",
        "ElementDataFile = a.raw",
    ]
    header.write_text("\n".join(lines) + "\n")
    header.with_suffix(".raw").write_bytes(bytes(range(128)))


def test_linked_folders_are_followed_once(tmp_path: Path) -> None:
    site = tmp_path / "site"
    write_scan(site / "a.nii.gz")
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "site1").symlink_to(site)
    (folder / "site1" / "loop").symlink_to(folder)
    assert files_of_input(context(folder, tmp_path)) == (folder / "site1" / "a.nii.gz",)
    assert files_of_input(context(None, tmp_path)) == ()


def test_scans_of_a_datalist_count_wherever_they_lie(tmp_path: Path) -> None:
    for name in ("one/a.nii.gz", "two/b.nii.gz", "two/other.nii.gz"):
        write_scan(tmp_path / name)
    entries = [{"image": "one/a.nii.gz"}, {"image": "two/b.nii.gz", "label": "gone.nii.gz"}]
    datalist = tmp_path / "list.json"
    datalist.write_text(json.dumps({"training": entries}))
    wanted = (datalist, tmp_path / "one" / "a.nii.gz", tmp_path / "two" / "b.nii.gz")
    assert files_of_input(context(datalist, tmp_path)) == wanted


def test_voxels_beside_a_detached_header_count(tmp_path: Path) -> None:
    header = tmp_path / "a.mhd"
    write_detached(header)
    assert set(files_of_scans(discover(header).scans)) == {header, tmp_path / "a.raw"}


def test_voxels_beside_a_header_that_a_datalist_names_count(tmp_path: Path) -> None:
    header, raw = tmp_path / "far" / "a.mhd", tmp_path / "far" / "a.raw"
    write_detached(header)
    datalist = tmp_path / "in" / "list.json"
    datalist.parent.mkdir()
    datalist.write_text(json.dumps({"training": [{"image": str(header)}, {"image": "x" * 300}]}))
    assert set(files_of_input(context(datalist, tmp_path))) == {datalist, header, raw}


def test_the_table_and_the_model_of_a_recipe_count(tmp_path: Path) -> None:
    table = tmp_path / "cases.csv"
    settings = ["conditions=[age]", f"conditions_file={table}"]
    recipe = read_recipe("synthesize/prior", settings)
    assert files_of_recipe(recipe) == ()  # what is not there is told by the fit
    table.write_text("id,age\n")
    assert files_of_recipe(recipe) == (table,)
    warm = read_recipe("restore/slices_faithful", ["warm_start=slices-faithful"])
    assert [file.name for file in files_of_recipe(warm)] == ["model.json", "weights.safetensors"]
    assert files_of_recipe(read_recipe("synthesize/dcgan_3d")) == ()
