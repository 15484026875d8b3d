"""Confidence limits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def wilson(share: ArrayLike, n: ArrayLike, z: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """Wilson's score interval of a share; holds at 0 and 1 and for small n.

    Parameters
    ----------
    share, n : array_like
        Observed share, and the independent observations behind it.
    z : float
        Normal quantile of the confidence wanted, two-sided.

    References
    ----------
    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (158), 1927.

    >>> low, high = wilson(0.5, 100, 1.96)
    >>> round(float(low), 3), round(float(high), 3)
    (0.404, 0.596)
    """
    p = np.asarray(share, np.float64)
    m = np.maximum(np.asarray(n, np.float64), 1e-9)
    middle = (p + z * z / (2 * m)) / (1 + z * z / m)
    half = z / (1 + z * z / m) * np.sqrt(p * (1 - p) / m + z * z / (4 * m * m))
    return middle - half, middle + half
