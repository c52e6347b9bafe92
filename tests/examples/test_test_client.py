"""The example of tests with FastAPI's own client: it passes as it stands."""

import shutil

import pytest

from tests.examples.conftest import EXAMPLES
from tests.needs import MINUTES
from tests.users_suite import run_suite

# A leak is an error; what starlette says of its own httpx is not ours to mend.
SETTINGS = """
[pytest]
asyncio_default_fixture_loop_scope = function
filterwarnings =
    error::ResourceWarning
    error::pytest.PytestUnraisableExceptionWarning
"""


@MINUTES
def test_the_example_passes(pytester: pytest.Pytester) -> None:
    for name in ("fastapi_service.py", "test_fastapi_service.py"):
        shutil.copy(EXAMPLES / name, pytester.path)
    pytester.makeini(SETTINGS)

    result = run_suite(pytester)

    result.assert_outcomes(passed=3)
