"""What tests of reading share."""

from __future__ import annotations

import pytest

import monitor.logs.textstream as textstream


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a few lines, so that every seam is met."""
    monkeypatch.setattr(textstream, "BLOCK", 700)
    monkeypatch.setattr(textstream, "STEP", 64)
