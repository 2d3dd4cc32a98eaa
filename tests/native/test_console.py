"""What localdev says reaches every output, also one that knows fewer characters."""

from __future__ import annotations

import io
import sys

import pytest

from localdev import console
from localdev.project import BACKEND_HEADING


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", f"{BACKEND_HEADING}\n✓ Ready … 好\n"),
        ("ascii", "Starting backend services...\nok Ready ... ?\n"),
        ("latin-1", "Starting backend services...\nok Ready ... ?\n"),
    ],
)
def test_signs_that_an_output_cannot_show_are_replaced(
    encoding: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for stream, say in (("stdout", console.out), ("stderr", console.note)):
        raw = io.BytesIO()
        monkeypatch.setattr(sys, stream, io.TextIOWrapper(raw, encoding=encoding, errors="strict"))
        say(BACKEND_HEADING)
        say("✓ Ready … 好")
        assert raw.getvalue().decode(encoding) == shown
