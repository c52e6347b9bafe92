"""The fixture `emulator`, where pytest-asyncio is missing."""

import pytest


@pytest.fixture
def emulator() -> None:
    """Raise an error that says what is missing."""
    pytest.fail(
        "the fixture emulator needs pytest-asyncio 1.5 or later; live_emulator does"
        " without",
        pytrace=False,
    )
