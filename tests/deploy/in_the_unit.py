"""Starts a program with the system calls, address families, limits and no capabilities that the unit leaves it.

`python in_the_unit.py PROGRAM ARGUMENT...`: the kernel is told what systemd tells it (a seccomp filter, made with the
same libseccomp from systemd's own lists of calls). What is left out is the user, and what the file system looks like.
"""

from __future__ import annotations

import ctypes
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

UNIT = Path(__file__).parents[2] / "deploy" / "recwatch.service"
ALLOW, REFUSE = 0x7FFF0000, 0x00050000  # SCMP_ACT_ALLOW, SCMP_ACT_ERRNO: seccomp.h
EQUAL = 4  # SCMP_CMP_EQ
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}
DROP_FROM_BOUNDING_SET = 24  # PR_CAPBSET_DROP
EPERM = 1


def settings(key: str) -> list[str]:
    """Values of a key of the unit, in the order of the file."""
    return re.findall(rf"^{key}=(.*)$", UNIT.read_text(), re.M)


def calls_of(name: str) -> set[str]:
    """System calls of one of systemd's groups, or the one that is named."""
    if not name.startswith("@"):
        return {name}
    said = subprocess.run(
        ["systemd-analyze", "syscall-filter", "--no-pager", name], capture_output=True, text=True, check=True
    ).stdout
    lines = [line.strip() for line in said.splitlines()[1:]]
    named = [line for line in lines if line and not line.startswith("#")]
    return set().union(*(calls_of(line) for line in named))


def left() -> set[str]:
    """The calls that the unit leaves: the first line allows, one that begins with a tilde takes away."""
    found: set[str] = set()
    for line in settings("SystemCallFilter"):
        calls = set().union(*(calls_of(name) for name in line.removeprefix("~").split()))
        found = found - calls if line.startswith("~") else found | calls
    return found


class Argument(ctypes.Structure):
    """`struct scmp_arg_cmp`."""

    _fields_ = [
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("datum_a", ctypes.c_uint64),
        ("datum_b", ctypes.c_uint64),
    ]


def confine() -> None:
    """This process and its children, for good."""
    seccomp = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    seccomp.seccomp_init.restype = ctypes.c_void_p
    calls = left() - {"socket"}
    for capability in range(64):  # whoever is not root has none, and the kernel knows fewer
        ctypes.CDLL(None).prctl(DROP_FROM_BOUNDING_SET, capability, 0, 0, 0)
    os.umask(int(settings("UMask")[0], 8))
    files = int(settings("LimitNOFILE")[0])
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    rules = ctypes.c_void_p(seccomp.seccomp_init(REFUSE | EPERM))
    for name in calls:
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:  # there is none of this name on other machines
            assert seccomp.seccomp_rule_add(rules, ALLOW, number, 0) == 0, name
    socket = seccomp.seccomp_syscall_resolve_name(b"socket")
    for family in settings("RestrictAddressFamilies")[0].split():
        wanted = Argument(0, EQUAL, FAMILIES[family], 0)
        assert seccomp.seccomp_rule_add_array(rules, ALLOW, socket, 1, ctypes.byref(wanted)) == 0
    assert seccomp.seccomp_load(rules) == 0


if __name__ == "__main__":
    confine()
    os.execvp(sys.argv[1], sys.argv[1:])
