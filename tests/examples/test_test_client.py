"""The example of synchronous tests: it passes as it stands, and can fail."""

from pathlib import Path

import pytest

from tests.examples.conftest import EXAMPLES

# A leak is an error; what starlette says of its own httpx is not ours to mend.
SETTINGS = """
[pytest]
asyncio_default_fixture_loop_scope = function
filterwarnings =
    error::ResourceWarning
    error::pytest.PytestUnraisableExceptionWarning
"""


def copy_examples(folder: Path, *, service: str) -> None:
    """Copy the service, as it is now or changed, and its tests."""
    (folder / "fastapi_service.py").write_text(service, encoding="utf-8")
    tests = (EXAMPLES / "test_fastapi_service.py").read_text(encoding="utf-8")
    (folder / "test_fastapi_service.py").write_text(tests, encoding="utf-8")


def test_the_example_passes_and_finds_a_service_that_repeats_itself(
    pytester: pytest.Pytester,
) -> None:
    service = (EXAMPLES / "fastapi_service.py").read_text(encoding="utf-8")
    careless = service.replace('return 202, "unknown"', 'return 503, "unsent"')
    pytester.makeini(SETTINGS)

    copy_examples(pytester.path, service=service)
    right = pytester.runpytest_subprocess()
    copy_examples(pytester.path, service=careless)
    wrong = pytester.runpytest_subprocess()

    right.assert_outcomes(passed=3)
    wrong.assert_outcomes(passed=2, failed=1)
