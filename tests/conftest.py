"""Options of the tests."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-frames", action="store_true", help="write tests/frames anew; look at them before you commit"
    )
