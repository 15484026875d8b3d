"""Which of numpy's vector instructions a worker does without, since they make it slower."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

CPU = Path("/proc/cpuinfo")
VARIABLE = "NPY_DISABLE_CPU_FEATURES"
AVX512 = {  # what numpy calls it: from version 2.4 on, and before
    True: "X86_V4 AVX512_ICL AVX512_SPR",
    False: "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR",
}


def without_slow_sorts(cpu: str | None = None, numpy: str | None = None) -> Mapping[str, str]:
    """Environment in which numpy sorts with AVX2 on AMD's Zen 4, where that is several times faster than with AVX-512.

    Sorting puts numbers aside with `compress` instructions that write to memory. Zen 4 carries those out in microcode.

    Parameters
    ----------
    cpu : str, optional
        What Linux says of the processor; of this machine.
    numpy : str, optional
        Its version; the installed one.

    References
    ----------
    AMD, "Software optimization guide for the AMD Zen4 microarchitecture", 57647, section 2.11.2;
    https://github.com/numpy/x86-simd-sort/issues/6.

    >>> zen4 = "vendor_id : AuthenticAMD\\ncpu family : 25\\nflags : fpu avx2 avx512f"
    >>> without_slow_sorts(zen4, "2.4.6")
    {'NPY_DISABLE_CPU_FEATURES': 'X86_V4 AVX512_ICL AVX512_SPR'}
    >>> without_slow_sorts(zen4.replace(" avx512f", ""), "2.4.6")  # Zen 3
    {}
    """
    if cpu is None:
        try:
            cpu = CPU.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return {}
    first = dict(re.findall(r"^([a-z_ ]+?)\s*: (.*)$", cpu.partition("\n\n")[0], re.MULTILINE))
    zen = first.get("vendor_id") == "AuthenticAMD" and first.get("cpu family") == "25"
    if not zen or "avx512f" not in first.get("flags", "").split():
        return {}
    major, minor = (numpy or metadata.version("numpy")).split(".")[:2]
    return {VARIABLE: AVX512[(int(major), int(minor)) >= (2, 4)]}
