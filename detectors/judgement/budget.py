"""The false-alarm budget: how often chance may tell somebody wrongly, shared out over everything that is tested."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.core.verdict import Severity

DAY = 86_400_000_000  # in microseconds
FOR_THE_WHOLE = 0.5  # of the budget: the whole is tested before its slices, which share the rest
LEAST, MOST = (
    1e-12,
    1e-5,
)  # chance of a single false breach, whatever the budget says: no model of noise holds nearer


@dataclass(frozen=True)
class Budget:
    """At most one false page in so many days, and one false ticket, over all recommenders.

    What is granted is divided by the number of tests (Bonferroni), after a part of it is set apart for the whole:
    trouble of all traffic is then found as surely with three hundred slices as with none.

    Parameters
    ----------
    days_per_page, days_per_ticket : float
    recommenders : int
        That share the budget.

    References
    ----------
    P. H. Westfall and A. Krishen, "Optimally weighted, fixed sequence and gatekeeper multiple testing procedures",
    Journal of Statistical Planning and Inference 99, 2001 (weighted Bonferroni).

    >>> import numpy as np
    >>> chance = Budget(days_per_ticket=30).chance(Severity.TICKET, measures=10, slices=51, window_us=DAY // 24)
    >>> chance.shape, f"{chance[0]:.1e} {chance[1]:.1e}", f"{chance.sum() * 10 * 24 * 30:.1f}"
    ((51,), '1.0e-05 1.4e-06', '0.6')
    """

    days_per_page: float = 90.0
    days_per_ticket: float = 30.0
    recommenders: int = 1

    def chance(
        self, severity: Severity, *, measures: int, slices: int, window_us: int
    ) -> NDArray[np.float64]:
        """Chance of a false breach that one test may have, by slice, the whole first, shape (slices,)."""
        days = self.days_per_page if severity is Severity.PAGE else self.days_per_ticket
        granted = window_us / (days * DAY) / max(self.recommenders, 1) / max(measures, 1)
        out = np.full(slices, granted * (1 - FOR_THE_WHOLE) / max(slices - 1, 1))
        out[:1] = granted * (FOR_THE_WHOLE if slices > 1 else 1.0)
        return np.clip(out, LEAST, MOST)
