"""NRRD and MetaImage written by SimpleITK or by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from medgan.scans import discover, load_found
from tests.scans.series import score
from tests.scans.volumes import SHEARED, STRAIGHT, oblique_affine, world_volume

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def write_itk(path: Path, affine: np.ndarray, *, compress: bool = False) -> np.ndarray:
    stored = np.rint(world_volume(affine)).astype(np.int16)
    image = SimpleITK.GetImageFromArray(stored.transpose())
    lps = LPS @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    SimpleITK.WriteImage(image, str(path), compress)
    return stored


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("name", ["a.nrrd", "a.nhdr", "a.mha", "a.mhd"])
@pytest.mark.parametrize("affine", [STRAIGHT, oblique_affine()], ids=["straight", "oblique"])
def test_every_container(affine: np.ndarray, name: str, compress: bool, tmp_path: Path) -> None:
    stored = write_itk(tmp_path / name, affine, compress=compress)
    listing = discover(tmp_path)
    (found,) = listing.scans
    assert listing.set_aside == ()
    scan = load_found(found)
    np.testing.assert_array_equal(scan.stored, stored)
    assert score(scan) <= 0.51
    assert found.format == ("nrrd" if "nr" in name or "nh" in name else "mha")


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha"])
def test_gaps_and_cut_files(name: str, tmp_path: Path) -> None:
    stored = np.rint(world_volume(STRAIGHT)).astype(np.float32)
    stored[:, :, 6] = np.nan
    image = SimpleITK.GetImageFromArray(stored.transpose())
    SimpleITK.WriteImage(image, str(tmp_path / name))
    assert discover(tmp_path).scans[0].missing == (6,)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[:-200])
    assert "cut short" in discover(tmp_path).refused[0].reason


HEADER = """NRRD0004
type: short
dimension: 3
sizes: 16 14 12
{world}
endian: little
encoding: raw

"""


@pytest.mark.parametrize(
    "world",
    [
        "spacings: 1 1 3",
        "space dimension: 3\nspace directions: (1,0,0) (0,1,0) (0,0,3)",
        "space: scanner-xyz\nspace directions: (1,0,0) (0,1,0) (0,0,3)",
    ],
)
def test_nrrd_without_anatomical_space_is_refused(world: str, tmp_path: Path) -> None:
    stored = np.rint(world_volume(STRAIGHT)).astype("<i2")
    content = HEADER.format(world=world).encode() + stored.tobytes(order="F")
    (tmp_path / "a.nrrd").write_bytes(content)
    assert "no world" in discover(tmp_path).refused[0].reason


@pytest.mark.parametrize("space", ["left-posterior-superior", "right-anterior-superior", "LPS"])
def test_nrrd_shear_and_space_are_kept(space: str, tmp_path: Path) -> None:
    affine = SHEARED if space.startswith("right") else LPS @ SHEARED
    columns = " ".join("(" + ",".join(map(str, affine[:3, n])) + ")" for n in range(3))
    origin = ",".join(map(str, affine[:3, 3]))
    world = f"space: {space}\nspace directions: {columns}\nspace origin: ({origin})"
    stored = np.rint(world_volume(SHEARED)).astype("<i2")
    content = HEADER.format(world=world).encode() + stored.tobytes(order="F")
    (tmp_path / "a.nrrd").write_bytes(content)
    (found,) = discover(tmp_path).scans
    np.testing.assert_allclose(found.grid.affine, SHEARED, atol=1e-9)
    assert score(load_found(found)) <= 0.51


def test_vectors_and_junk_are_refused(tmp_path: Path) -> None:
    write_itk(tmp_path / "a.nrrd", STRAIGHT)
    image = SimpleITK.ReadImage(str(tmp_path / "a.nrrd"))
    SimpleITK.WriteImage(SimpleITK.Compose([image, image]), str(tmp_path / "a.nrrd"))
    (tmp_path / "b.mha").write_bytes(b"hello")
    reasons = [refusal.reason for refusal in discover(tmp_path).refused]
    assert "components" in reasons[0]
    assert "no header" in reasons[1]


@pytest.mark.parametrize("where", ["absolute", "above", "LIST", "a%d.raw 0 9 1"])
def test_a_header_may_not_name_values_elsewhere(where: str, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    write_itk(folder / "a.mhd", STRAIGHT)
    (folder / "a.raw").rename(tmp_path / "a.raw")
    named = {"absolute": str(tmp_path / "a.raw"), "above": "../a.raw"}.get(where, where)
    text = (folder / "a.mhd").read_text().replace("a.raw", named)
    (folder / "a.mhd").write_text(text)
    listing = discover(folder)
    (refusal,) = listing.refused
    assert "do not lie in one file beside it" in refusal.reason
    assert refusal.files == (folder / "a.mhd",)


@pytest.mark.parametrize("is_absolute", [False, True])
def test_values_in_a_folder_below_are_read_and_accounted_for(
    is_absolute: bool, tmp_path: Path
) -> None:
    stored = write_itk(tmp_path / "a.mhd", STRAIGHT)
    (tmp_path / "raw").mkdir()
    (tmp_path / "a.raw").rename(tmp_path / "raw" / "a.raw")
    named = str(tmp_path / "raw" / "a.raw") if is_absolute else "raw/a.raw"
    (tmp_path / "a.mhd").write_text((tmp_path / "a.mhd").read_text().replace("a.raw", named))
    listing = discover(tmp_path)
    (found,) = listing.scans
    assert (found.n_files, listing.set_aside) == (2, ())
    np.testing.assert_array_equal(load_found(found).stored, stored)
