"""On a processor whose AVX-512 sorts slowly, workers sort without; on others as numpy would."""

from __future__ import annotations

import subprocess
import sys

import pytest

from monitor.daemon.vectors import VARIABLE, without_slow_sorts

ZEN_4 = """processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 25
model\t\t: 17
model name\t: AMD EPYC 9R14
flags\t\t: fpu vme avx avx2 avx512f avx512dq

processor\t: 1
vendor_id\t: AuthenticAMD
"""


@pytest.mark.parametrize("numpy", ["2.0.0", "2.3.5", "2.4.0", "2.10.1", "3.0.0rc1"])
def test_zen_4_sorts_without(numpy: str) -> None:
    features = without_slow_sorts(ZEN_4, numpy)[VARIABLE].split()
    assert ("X86_V4" in features) == (numpy not in ("2.0.0", "2.3.5"))
    assert "AVX512_ICL" in features


@pytest.mark.parametrize(
    "cpu",
    [
        ZEN_4.replace("AuthenticAMD", "GenuineIntel"),
        ZEN_4.replace("family\t: 25", "family\t: 26"),  # Zen 5 is fast with it
        ZEN_4.replace(" avx512f avx512dq", ""),  # Zen 3
        "processor\t: 0\nBogoMIPS\t: 243.75\nCPU implementer\t: 0x41\n",  # Arm
        "",
    ],
)
def test_others_sort_as_numpy_would(cpu: str) -> None:
    assert without_slow_sorts(cpu, "2.4.6") == {}


def test_the_installed_numpy_knows_the_names() -> None:
    """It warns of a feature that it does not know."""
    features = without_slow_sorts(ZEN_4)[VARIABLE]
    code = "import numpy; assert numpy.sort([2, 1]).tolist() == [1, 2]"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env={VARIABLE: features}, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
