"""Log-rank against statsmodels and a plain loop; delayed entry; repeated rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.duration.survfunc import survdiff

from cjlab.errors import UserError
from cjlab.logrank import Teams, logrank
from cjlab.survival import km


@pytest.mark.parametrize("seed", range(6))
def test_against_statsmodels(seed):
    rng = np.random.default_rng(seed)
    group = rng.choice(["x", "y", "z"][: 2 + seed % 2], 150)
    time = rng.integers(0, 20, 150) + (group == "x") * seed
    ended = rng.random(150) < 0.6
    found = logrank(time, ended, group)
    statistic, p = survdiff(time, ended, group)
    assert (found.statistic, found.p) == pytest.approx((statistic, p))
    assert found.df == len(set(group)) - 1
    weighted = logrank(time, ended, group, np.full(150, 2))
    twice = logrank(np.tile(time, 2), np.tile(ended, 2), np.tile(group, 2))
    assert weighted == pytest.approx(twice)


@pytest.mark.parametrize("repeated", [False, True])
def test_some_of_the_groups_as_if_the_others_were_not_there(repeated):
    rng = np.random.default_rng(9)
    group = rng.choice(list("abc"), 200)
    time, ended = rng.exponential(1 + (group == "c"), 200), rng.random(200) < 0.8
    who = rng.integers(0, 60, 200) if repeated else None
    names = pd.unique(group).tolist()
    teams = Teams(time, ended, group, clusters=who)
    for pair in ("ab", "ac", "bc"):
        of = np.isin(group, list(pair))
        found = teams.test([names.index(name) for name in pair])
        alone = logrank(time[of], ended[of], group[of], clusters=None if who is None else who[of])
        assert found == pytest.approx(alone)
        if not repeated:
            assert found.p == pytest.approx(survdiff(time[of], ended[of], group[of])[1])


def test_repeated_rows_do_not_speak_for_themselves():
    rng = np.random.default_rng(10)
    time, ended = rng.exponential(1, 60), np.ones(60, bool)
    group = np.repeat(["x", "y"], 30)
    who = np.arange(60)
    many = [np.repeat(column, 8) for column in (time, ended, group)]
    plain, robust = logrank(*many), logrank(*many, clusters=np.repeat(who, 8))
    assert plain.statistic > 4 * robust.statistic
    # Copies add nothing to what one row each says but the ties.
    assert robust.p == pytest.approx(logrank(time, ended, group).p, abs=0.1)


def test_nothing_to_test_is_null():
    for found in (
        logrank([1, 2], [1, 1], ["x", "x"]),
        logrank([1, 2], [0, 0], ["x", "y"]),
        logrank([], [], []),
        logrank([1, 2, 3], [1, 1, 1], ["x", "x", "y"], clusters=[1, 1, 1]),
    ):
        assert np.isnan(found.p)


def test_a_null_group_is_refused():
    with pytest.raises(UserError, match="row 1 has no group"):
        logrank([1, 2], [1, 1], ["x", None])


LATE = st.lists(
    st.tuples(st.integers(0, 8), st.integers(1, 6), st.booleans(), st.integers(1, 3)), min_size=1
)


@given(LATE)
def test_delayed_entry_equals_the_plain_loop(rows):
    entry, exits = [r[0] for r in rows], [r[0] + r[1] for r in rows]
    ended, weight = [r[2] for r in rows], [r[3] for r in rows]
    curve = km(exits, ended, weight, entry=entry)
    s = 1.0
    for k, t in enumerate(sorted(set(exits))):
        known = list(zip(entry, exits, ended, weight, strict=True))
        n = sum(w for a, b, _, w in known if a < t <= b)
        d = sum(w for _, b, e, w in known if b == t and e)
        s *= 1 - d / n
        assert (curve.time[k], curve.at_risk[k], curve.events[k]) == (t, n, d)
        assert curve.survival[k] == pytest.approx(s, abs=1e-12)


def test_entry_before_all_durations_changes_nothing():
    late, plain = km([1, 2, 3], [1, 0, 1], entry=[0, 0, 0]), km([1, 2, 3], [1, 0, 1])
    np.testing.assert_array_equal(late.frame(), plain.frame())
    with pytest.raises(UserError, match="row 1 enters at 2"):
        km([1, 2], [1, 1], entry=[0, 2])
