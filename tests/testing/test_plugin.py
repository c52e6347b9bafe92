"""The pytest plugin, as a user's own suite meets it."""

import pytest

from autocalls_async import testing
from tests.needs import MINUTES, some_at_once
from tests.users_suite import run_suite

SETTINGS = """
[pytest]
asyncio_mode = {mode}
asyncio_default_fixture_loop_scope = function
addopts = --strict-markers
filterwarnings = error
"""


@pytest.mark.parametrize(
    "mode", some_at_once(["auto", "strict"], {"strict"}.__contains__)
)
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

    result = run_suite(pytester)

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

    result = run_suite(pytester)

    result.assert_outcomes(passed=4)


@MINUTES
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

    result = run_suite(pytester)

    result.assert_outcomes(passed=2)


@pytest.mark.parametrize(
    "mode", some_at_once(["auto", "strict"], {"strict"}.__contains__)
)
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

    result = run_suite(pytester)

    result.assert_outcomes(passed=1)


@MINUTES
def test_without_pytest_asyncio_only_the_tests_that_need_it_fail(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        pytest_asyncio="raise ImportError('not installed')",
        test_user="""
            from urllib.request import Request, urlopen
            import pytest

            def test_plain(): pass

            @pytest.mark.virtual_time
            def test_sync_and_marked(): pass

            @pytest.mark.virtual_time
            async def test_marked(): pass

            def test_asking(emulator): pass

            def test_asking_the_other(live_emulator):
                live_emulator.customer_writes("+14155550123")
                url = live_emulator.base_url + "/user/me"
                with pytest.raises(OSError, match="401"):
                    urlopen(Request(url, headers={"Accept": "application/json"}))
        """,
    )

    result = run_suite(pytester, "-p", "no:asyncio")

    result.assert_outcomes(passed=3, failed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*the fixture emulator needs pytest-asyncio 1.5 or later*",
            "*the marker virtual_time needs pytest-asyncio 1.5 or later*",
        ]
    )


def test_nothing_is_imported_before_a_test_asks(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_loaded():
            ours = [name for name in sys.modules if name.startswith("autocalls_async")]
            assert sorted(ours) == [
                "autocalls_async",
                "autocalls_async._version",
                "autocalls_async.testing",
                "autocalls_async.testing.on_loop",
            ]
            assert not {"aiohttp", "attrs", "cattrs"} & set(sys.modules)
        """
    )

    result = run_suite(pytester)

    result.assert_outcomes(passed=1)


ASKING = """
    import pytest
    from autocalls_async import (AutocallsClient)

    pytestmark = pytest.mark.asyncio{scope}

    class TestSending:
        async def test_sends(self, {fixture}):
            {fixture}.customer_writes("+14155550123")
            base_url = {fixture}.base_url
            async with AutocallsClient("k", base_url=base_url, sender_id=12) as client:
                await client.send_freeform("+14155550123", "x", timeout=10)
            assert len({fixture}.accepted) == 1
"""


@MINUTES
def test_on_another_loop_than_the_test_the_emulator_says_so_at_once(
    pytester: pytest.Pytester,
) -> None:
    scopes = ["class", "module", "package", "session"]
    pytester.makeini(SETTINGS.format(mode="auto"))
    for scope in scopes:
        code = ASKING.format(scope=f'(loop_scope="{scope}")', fixture="emulator")
        pytester.makepyfile(**{f"test_{scope}": code})

    result = run_suite(pytester)

    result.assert_outcomes(errors=4)
    for scope in scopes:
        told = (
            "the fixture emulator runs on the event loop of the function, and this"
            f" test on that of the {scope}, so nothing would be answered: write"
            ' @pytest.mark.asyncio(loop_scope="function") on the test, or'
            f" asyncio_default_fixture_loop_scope = {scope} in pytest's settings, or"
            " ask for live_emulator"
        )
        assert told in result.stdout.str()


@MINUTES
@pytest.mark.parametrize(
    ("scope", "suite"),
    [
        pytest.param(
            "function",
            {
                "test_marker": ('(loop_scope="function")', "emulator"),
                "test_thread": ('(loop_scope="module")', "live_emulator"),
            },
            id="fixtures on a loop for each test",
        ),
        pytest.param(
            "module",
            {
                "test_setting": ('(loop_scope="module")', "emulator"),
                "test_settings": ("", "emulator"),
            },
            id="fixtures on the module's loop",
        ),
    ],
)
def test_each_way_out_that_it_names_works(
    pytester: pytest.Pytester, scope: str, suite: dict[str, tuple[str, str]]
) -> None:
    pytester.makeini(
        f"""
        [pytest]
        asyncio_mode = auto
        asyncio_default_fixture_loop_scope = {scope}
        asyncio_default_test_loop_scope = module
        filterwarnings = error
        """
    )
    for name, (marked, fixture) in suite.items():
        code = ASKING.format(scope=marked, fixture=fixture)
        pytester.makepyfile(**{name: code})

    result = run_suite(pytester)

    result.assert_outcomes(passed=2)


@MINUTES
def test_a_fixture_that_nobody_would_answer_says_so_at_once(
    pytester: pytest.Pytester,
) -> None:
    pytester.makeini(SETTINGS.format(mode="auto"))
    pytester.makepyfile(
        """
        import pytest

        def test_sync(emulator): pass

        @pytest.mark.virtual_time
        async def test_marked(live_emulator): pass

        @pytest.mark.virtual_time
        def test_sync_and_marked(live_emulator): pass
        """
    )

    result = run_suite(pytester)

    result.assert_outcomes(passed=1, errors=2)
    result.stdout.fnmatch_lines(
        [
            "*pytest-asyncio does not run this test: ask for live_emulator*",
            "*live_emulator lives by the real clock, over which virtual_time would*",
        ]
    )


def test_every_public_name_is_what_it_says() -> None:
    for name in testing.__all__:
        assert name in str(getattr(testing, name))


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'VirtualLoop'"):
        getattr(testing, "VirtualLoop")  # noqa: B009  # a checker knows too
