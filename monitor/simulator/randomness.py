"""Randomness that can be repeated: streams by purpose, and hashes that stand for draws."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


class Purpose(IntEnum):
    """What a stream of random numbers is for; each has its own, so that none disturbs another."""

    CATALOGUE = 1
    USERS = 2
    POPULARITY = 3
    PLAN = 4
    DEMAND = 5
    REQUESTS = 6
    LISTS = 7
    SCORES = 8
    CLICKS = 9
    ARRIVAL = 10
    EVENT = 11
    FASHION = 12
    SHOP_SIZE = 13


def stream(seed: int, purpose: Purpose, *numbers: int) -> np.random.Generator:
    """The generator for a purpose, and an hour or event where there is one."""
    return np.random.default_rng([seed, purpose, *numbers])


def mix(x: np.ndarray) -> np.ndarray:
    """A bijection on 64 bits in which every bit depends on every bit (the finaliser of SplitMix64).

    >>> mix(np.array([1, 2], np.uint64))
    array([ 6238072747940578789, 15839785061582574730], dtype=uint64)
    """
    x = x ^ (x >> np.uint64(30))
    x *= np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(27)
    x *= np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return x


def combine(*keys: np.ndarray | int) -> np.ndarray:
    """One 64-bit hash of several keys, broadcast against each other."""
    hashed = np.zeros(1, np.uint64)
    for key in keys:
        hashed = mix((hashed + GOLDEN) ^ np.asarray(key).astype(np.uint64))
    return hashed


def uniform(*keys: np.ndarray | int) -> np.ndarray:
    """Numbers in [0, 1) that are the same whenever the keys are the same."""
    return np.asarray((combine(*keys) >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def autocorrelated(rng: np.random.Generator, memory: float, steps: int, series: int) -> np.ndarray:
    """First-order autoregressive noise of variance 1, started in its stationary state; shape (steps, series)."""
    level = rng.normal(0, np.sqrt(1 - memory**2), (steps, series))
    level[0] /= np.sqrt(1 - memory**2)
    for step in range(1, steps):
        level[step] += memory * level[step - 1]
    return level
