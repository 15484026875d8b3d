"""How large a trouble has to be before one window can show it to anybody."""

from __future__ import annotations

import math
from dataclasses import dataclass

SURE = 4.0  # standard errors for a share
SURE_OF_A_CHANGE = 6.0  # and for a change against what hours of this kind usually bring


@dataclass(frozen=True)
class Sight:
    """What a watcher is asked to see in one window; anything smaller is a blind spot that is granted.

    Parameters
    ----------
    above : float
        A share shows when it is surely above this: what is usual, or what is no harm yet.
    noise : float, optional
        For what is seen as a change: how far healthy hours vary beyond chance, as a share.
    per_request : float
        Things counted for each request: clicks, for what people do.
    """

    above: float = 0.3
    noise: float | None = None
    per_request: float = 1.0

    def shows(self, effect: float, requests: float) -> bool:
        """Whether an effect of that size shows in a window of so many requests.

        >>> Sight(above=0.3).shows(0.36, 1000), Sight(above=0.3).shows(0.36, 100)
        (True, False)
        >>> Sight(noise=0.08).shows(0.75, 300), Sight(noise=0.08).shows(0.75, 30)
        (True, False)
        """
        n = requests * self.per_request
        if n <= 0:
            return False
        if self.noise is not None:
            return effect >= SURE_OF_A_CHANGE * math.sqrt(1 / n + self.noise**2)
        return wilson_low(effect, n, SURE) > self.above


def wilson_low(share: float, n: float, z: float) -> float:
    """The lower end of Wilson's interval for a share (Wilson 1927).

    >>> round(wilson_low(0.5, 100, 1.96), 3)
    0.404
    """
    middle = share + z**2 / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return (middle - half) / (1 + z**2 / n)
