"""The pytest plugin, as a user's own suite meets it."""

import pytest

SETTINGS = """
[pytest]
asyncio_mode = {mode}
asyncio_default_fixture_loop_scope = function
addopts = --strict-markers -p no:randomly
filterwarnings = error
"""


@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_a_marked_test_and_its_fixtures_run_in_virtual_time(
    pytester: pytest.Pytester, mode: str
) -> None:
    pytester.makeini(SETTINGS.format(mode=mode))
    pytester.makepyfile(
        """
        import asyncio
        import pytest
        import pytest_asyncio
        from autocalls_async.testing import VirtualTimeLoop

        @pytest_asyncio.fixture
        async def rested():
            await asyncio.sleep(86_400)
            return asyncio.get_running_loop()

        @pytest.mark.asyncio
        @pytest.mark.virtual_time
        async def test_marked(rested):
            assert asyncio.get_running_loop() is rested
            assert isinstance(rested, VirtualTimeLoop)
            assert rested.time() > 86_400
        """
    )

    result = pytester.runpytest_subprocess()

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["test_a_marked*.py *"])


def test_a_test_that_asks_for_nothing_is_unchanged(pytester: pytest.Pytester) -> None:
    pytester.makeini(SETTINGS.format(mode="auto"))
    pytester.makepyfile(
        """
        import asyncio
        import pytest
        from autocalls_async.testing import VirtualTimeLoop

        def test_sync():
            with pytest.raises(RuntimeError):
                asyncio.get_running_loop()

        @pytest.mark.virtual_time
        def test_sync_and_marked():
            pass

        @pytest.mark.virtual_time
        async def test_marked():
            assert isinstance(asyncio.get_running_loop(), VirtualTimeLoop)

        async def test_async(request):
            assert not isinstance(asyncio.get_running_loop(), VirtualTimeLoop)
            assert not request.config.hook.pytest_asyncio_loop_factories.get_hookimpls()
            assert not hasattr(request.node, "callspec")
        """
    )

    result = pytester.runpytest_subprocess()

    result.assert_outcomes(passed=4)


def test_a_users_own_choice_of_loop_stays_where_nothing_is_marked(
    pytester: pytest.Pytester,
) -> None:
    pytester.makeini(SETTINGS.format(mode="auto"))
    pytester.makeconftest(
        """
        import asyncio

        class OwnLoop(asyncio.SelectorEventLoop):
            pass

        def pytest_asyncio_loop_factories(config, item):
            return {"own": OwnLoop}
        """
    )
    pytester.makepyfile(
        """
        import asyncio
        import pytest

        def loop_name():
            return type(asyncio.get_running_loop()).__name__

        async def test_plain():
            assert loop_name() == "OwnLoop"

        @pytest.mark.virtual_time
        async def test_marked():
            assert loop_name() == "VirtualTimeLoop"
        """
    )

    result = pytester.runpytest_subprocess()

    result.assert_outcomes(passed=2)


@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_the_emulator_is_started_for_the_test_that_asks_for_it(
    pytester: pytest.Pytester, mode: str
) -> None:
    pytester.makeini(SETTINGS.format(mode=mode))
    pytester.makepyfile(
        """
        import aiohttp
        import pytest

        @pytest.mark.asyncio
        @pytest.mark.virtual_time
        async def test_asking(emulator):
            async with aiohttp.ClientSession() as session:
                async with session.get(emulator.base_url) as response:
                    assert response.status < 500
        """
    )

    result = pytester.runpytest_subprocess()

    result.assert_outcomes(passed=1)


def test_the_plugin_loads_without_pytest_asyncio_and_the_marker_says_what_it_needs(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        pytest_asyncio="raise ImportError('not installed')",
        test_plain="def test_plain(): pass",
        test_marked="""
            import pytest

            @pytest.mark.virtual_time
            async def test_marked():
                pass
        """,
    )

    without = ("-p", "no:asyncio", "-p", "no:randomly")
    plain = pytester.runpytest_subprocess(*without, "test_plain.py")
    marked = pytester.runpytest_subprocess(*without, "test_marked.py")

    plain.assert_outcomes(passed=1)
    marked.stdout.fnmatch_lines(["*the marker virtual_time needs pytest-asyncio*"])


def test_the_emulator_is_not_imported_before_a_test_asks_for_it(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_loaded():
            assert "autocalls_async.testing" in sys.modules
            assert "autocalls_async.emulator" not in sys.modules
        """
    )

    result = pytester.runpytest_subprocess("-p", "no:randomly")

    result.assert_outcomes(passed=1)
