"""A test suite of a user's, run as one: a process that has what a user has."""

import pytest

# Of these a user need have none; together they double what such a run takes.
_OTHERS = (
    *("anyio", "benchmark", "hypothesispytest", "randomly", "timeout"),
    *("xdist", "xdist.looponfail"),
)


def run_suite(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run the suite that was written, without the plugins of our own."""
    without = [f"-pno:{name}" for name in _OTHERS]
    return pytester.runpytest_subprocess(*without, *arguments)
