"""The bootstrap interval of a channel's share covers it, in simulated studies."""

import numpy as np
import pytest

from cjlab.resample import bootstrap

pytestmark = pytest.mark.prove


@pytest.mark.parametrize("customers", [60, 250])
def test_the_interval_of_a_share_covers(customers):
    rng = np.random.default_rng(customers)
    studies, inside = 400, 0
    for _ in range(studies):
        # Each customer has a taste of their own: the conversions of one are alike.
        taste = rng.beta(1.2, 2.8, customers)
        made = rng.poisson(1.5, customers)
        credit = np.c_[rng.binomial(made, taste), made].astype(float)

        def share(weights, credit=credit):
            sums = weights @ credit
            return sums[:, :1] / sums[:, 1:]

        low, high = bootstrap(share, customers, draws=400)
        inside += low[0] <= 0.3 <= high[0]
    # Two points below nominal are allowed, and two standard errors of 400 studies.
    assert inside / studies >= 0.95 - 0.02 - 2 * np.sqrt(0.05 * 0.95 / studies)
