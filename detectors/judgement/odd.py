"""Shares that mostly were 0, or 1: of how many answers that was learned, and how likely a few odd ones are."""

from __future__ import annotations

import numpy as np
from scipy.special import betainc

from detectors.judgement.scales import F

ITERATIONS = 4  # within 2 % from five answers on


def odd_answers(share: F, variance: F, usual: F) -> tuple[F, F, F]:
    """Answers in some windows, how many of them were odd, and how many odd ones come together.

    As many come together as a mean odd answer has in its window: one, if no window has two. The first two numbers are
    in units of that.

    Parameters
    ----------
    share, variance : arrays, shape (windows, series)
        Shares, and the squares of their errors; NaN where unknown.
    usual : array, shape (series,)
        0 or 1.

    Returns
    -------
    answers, odd, together : arrays, shape (series,)

    Three windows of a hundred, one of which has four:

    >>> from detectors.core.measurement import share
    >>> found = share("x", np.array([0, 4, 0]), np.full(3, 100), np.ones(3))
    >>> learned = odd_answers(found.value[:, None], found.error[:, None] ** 2, np.zeros(1))
    >>> [float(number[0].round()) for number in learned]
    [75.0, 1.0, 4.0]
    """
    n = np.where(np.isfinite(variance), answers_behind(share, variance), 0.0)
    of_window = np.where(n > 0, n * np.abs(share - usual), 0.0)
    found = of_window.sum(axis=0)
    clumps = np.divide((of_window**2).sum(axis=0), found, out=np.ones(len(usual)), where=found > 0)
    together = np.maximum(clumps, 1.0)
    return n.sum(axis=0) / together, found / together, together


def answers_behind(share: F, variance: F) -> F:
    """How many answers of yes or no a share is of, from the error that `detectors.core.measurement.share` states.

    That is variance = c (1 - c) / n with the centre c = (share n + 2) / (n + 4), solved for n by fixed point iteration
    on a logarithmic scale; 0 where the variance is none, so that nothing is known.

    >>> from detectors.core.measurement import share
    >>> found = share("x", np.array([0, 0, 3, 40]), np.array([25, 400, 400, 400]), np.ones(4))
    >>> answers_behind(found.value, found.error**2).round().tolist()
    [25.0, 400.0, 399.0, 399.0]
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        n = np.maximum(np.sqrt(2 / variance), share * (1 - share) / variance)
        for _ in range(ITERATIONS):
            centre = (share * n + 2) / (n + 4)
            n = np.sqrt(n * centre * (1 - centre) / variance)
        return np.where(variance > 0, n, 0.0)


def chance_of_odd(found: F, of: F, odd: F, answers: F) -> F:
    """Chance of at least so many odd answers of some, after so many of all before.

    Their number is Poisson, at a rate of which the answers before and Jeffreys' prior tell: negative binomial, and by
    the incomplete beta function for real numbers too.

    Parameters
    ----------
    found, of : arrays
        Odd answers now, of how many.
    odd, answers : arrays
        The same before.

    References
    ----------
    J. Przyborowski and H. Wilenski, "Homogeneity of results in testing samples from Poisson series", Biometrika 31,
    1940 (of two counts, given their sum); H. Jeffreys, "Theory of probability", 1961, section 3.10 (the prior).

    >>> [float(f"{chance_of_odd(np.array(k), 100.0, 0.0, 2400.0):.1e}") for k in (1.0, 3.0, 9.0)]
    [0.02, 2e-05, 5e-14]
    """
    return np.where(found > 0, betainc(np.maximum(found, 1e-9), odd + 0.5, of / (of + answers)), 1.0)
