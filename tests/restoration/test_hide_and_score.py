"""Proof on complete scans: the protocols, and that what is scored is what would be filled."""

import numpy as np
import pytest

from medgan.interpolation import classical_fillers
from medgan.restoration import RestoreSettings, hide_and_score, positions_of, restore_scan
from medgan.restoration.trial import MIXTURE
from tests.restoration.phantom import make_holes, make_scan

FILLERS = classical_fillers()


def test_protocols_take_away_what_the_note_says():
    assert positions_of("x2", 8) == [1, 3, 5]
    assert positions_of("x4", 10) == [1, 2, 3, 5, 6, 7]
    assert positions_of("gap1", 36) == [17]
    assert positions_of("gap8", 35) == list(range(13, 21))
    assert positions_of("gap8", 9) == []
    assert positions_of("x4", 8) == []


@pytest.mark.parametrize("protocol", ["x2", "x4", "gap1", "gap2", "gap4", "gap8"])
def test_every_method_is_scored_and_the_mixture_is_what_restore_would_fill(protocol):
    scan = make_scan(36)
    taken = positions_of(protocol, 36)
    result = hide_and_score(scan, taken, protocol, FILLERS)
    assert [m.method for m in result.methods] == [MIXTURE, *(f.name for f in FILLERS)]
    scores = {m.method: m for m in result.methods}
    assert scores[MIXTURE].psnr_db >= scores["linear"].psnr_db - 0.05
    assert sum(m.weight for m in result.methods[1:]) == pytest.approx(1)
    assert {s.position for s in result.slices} == set(taken)

    filled, record = restore_scan(make_holes(scan, taken), RestoreSettings(model="none"), FILLERS)
    where = np.ix_(range(40), range(44), taken)
    error = np.abs(filled.values - scan.values)[where].mean()
    assert scores[MIXTURE].mae == pytest.approx(error, abs=0.5)  # stored values are whole numbers
    assert len(record.filled) == scores[MIXTURE].n_slices == len(taken)


def test_the_slices_taken_away_are_not_seen():
    scan = make_scan(20)
    spoilt = scan.stored.copy()
    spoilt[..., 9] = 20_000
    spoilt = type(scan)(**{**scan.__dict__, "stored": spoilt})
    result = hide_and_score(scan, [9], "gap1", FILLERS)
    other = hide_and_score(spoilt, [9], "gap1", FILLERS)
    assert [m.weight for m in other.methods] == [m.weight for m in result.methods]
    assert other.slices[0].psnr_db == result.slices[0].psnr_db
    assert other.methods[0].mae > 10 * result.methods[0].mae


def test_slices_that_are_really_missing_are_not_scored():
    whole = make_scan(30)
    holed = make_holes(whole, [5, 6])
    result = hide_and_score(holed, [15], "gap1", FILLERS)
    assert {m.n_slices for m in result.methods} == {1}
    assert [s.position for s in result.slices] == [15]
    complete = hide_and_score(whole, [15], "gap1", FILLERS)
    assert result.methods[0].psnr_db == pytest.approx(complete.methods[0].psnr_db, abs=1.5)
