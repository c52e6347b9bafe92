"""What every test shares: virtual time, the wall clock in it, canned answers."""

import asyncio
import gc
import os
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from _pytest.nodeid import NodeId
from aioresponses import aioresponses
from hypothesis import HealthCheck, settings

from autocalls_async import AutocallsClient
from autocalls_async.emulator import Emulator
from autocalls_async.testing import VirtualTimeLoop, wall_clock
from tests.people import ANA, SENDER

pytest_plugins = ["pytester", "tests.cluster.fixtures"]

# Properties are checked without a stopwatch: a busy machine is no failure. A run
# has some examples each, and other ones each time; `--everything` has some dozens,
# and `--hypothesis-profile thorough` a thousand.
for _profile, _examples in {"quick": 12, "usual": 40, "thorough": 1000}.items():
    settings.register_profile(
        _profile,
        deadline=None,
        max_examples=_examples,
        suppress_health_check=[HealthCheck.too_slow],
    )


def pytest_configure(config: pytest.Config) -> None:
    """Choose how many examples properties have, before any test is read.

    And hear of Ctrl-C: a script's `&` makes a process deaf to it, and what it starts.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.getoption("--hypothesis-profile") is None:
        everything = config.getoption("everything")
        settings.load_profile("usual" if everything else "quick")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Run on every core, and on one more, since some wait for the real clock.

    With `--everything` on two more: the browser's tests, the database's, the troubles
    of many hosts keep a process each, which mostly waits for other programs.

    Tests that are named one by one run in this process, sooner than another starts.
    """
    if any("::" in argument for argument in config.args):
        return 0
    return (os.cpu_count() or 1) + (2 if config.getoption("everything") else 1)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Deal out tests by their functions, but where some of them take minutes.

    Who deals out each by itself looks at all that it dealt out so far, each time: that
    took more than a second of processor of seven thousand tests.
    """
    scheduler = import_module("xdist.scheduler").LoadGroupScheduling(config, log)
    if not config.getoption("everything"):
        group_of = scheduler._split_scope  # noqa: SLF001  # the way to another one
        scheduler._split_scope = lambda nodeid: group_of(nodeid).partition("[")[0]  # noqa: SLF001
    return scheduler


_TESTS = Path(__file__).parent
_SKIPPED = re.compile("needs ([^:]+): pytest --everything")
_NEEDS = {"the real clock", "a browser", "a database", "minutes"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let `pytest --everything` run what takes long or needs other programs."""
    parser.addoption(
        "--everything",
        action="store_true",
        help="run what needs minutes, the real clock, a browser or a database too",
    )


def _keep_in_group(item: pytest.Item) -> None:
    """Let one process have all tests of an `xdist_group`.

    xdist 3.8 writes the group's name where pytest 9.2 does not read it any more.
    """
    written = vars(item).get("_nodeid")
    if written not in {None, item.nodeid}:
        item._id = NodeId.parse(written)  # noqa: SLF001  # xdist's own way


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Read all tests without a look for garbage, of which there is none yet.

    Nor is it later: these hundred thousand objects live as long as the run does,
    and many tests let Python look for garbage. It takes 4 ms then, not 400. By itself
    it looks a tenth as often as else, which was a twentieth of the run.
    """
    gc.disable()
    _read_own_share(session.config)
    collected = yield
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.set_threshold(7_000)
    return collected


def _read_own_share(config: pytest.Config) -> None:
    """Where several processes read all tests, read another share in each first.

    They begin together, and each would rewrite the asserts of a new checkout by itself.
    So what one has made of its share is there by the time that the others come to it.
    """
    number = os.environ.get("PYTEST_XDIST_WORKER", "")
    if config.args_source is not config.ArgsSource.TESTPATHS or not number:
        return
    paths = sorted(_TESTS.rglob("test_*.py"))
    count = int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    for path in paths[int(number.removeprefix("gw")) % count :: count]:
        name = ".".join(path.relative_to(_TESTS.parent).with_suffix("").parts)
        with suppress(Exception, pytest.skip.Exception):  # is told when it is collected
            import_module(name)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Skip by name what needs more than a quiet minute, or begin with it."""
    everything = config.getoption("everything")
    if everything:  # the longest begin first, beside which all others have time
        items.sort(key=lambda item: item.get_closest_marker("needs") is None)
    for item in items:
        _keep_in_group(item)
        for marker in item.iter_markers("needs"):
            (what,) = marker.args
            if what not in _NEEDS:
                message = f"{item.nodeid} needs {what!r}, which is none of {_NEEDS}"
                raise pytest.UsageError(message)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(300))  # they wait for much
            if not everything:
                reason = f"needs {what}: pytest --everything"  # see _SKIPPED
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Count in one line what was skipped for what it needs."""
    reports = terminalreporter.stats.get("skipped", [])
    told = (_SKIPPED.search(str(report.longrepr)) for report in reports)
    counts = Counter(match[1] for match in told if match)
    if counts:
        needs = ", ".join(
            f"{count} that need {what}" for what, count in counts.most_common()
        )
        terminalreporter.write_line(f"left to pytest --everything: {needs}")


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run each async test in virtual time, except those marked `real_time`."""
    if item.get_closest_marker("real_time"):
        return {"real": asyncio.SelectorEventLoop}
    return {"virtual": VirtualTimeLoop}


@pytest.fixture
async def now() -> Callable[[], datetime]:
    """Tell the wall-clock time, which moves with the clock of the test's loop."""
    return wall_clock()


@pytest.fixture
def mended_aioresponses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let aioresponses 0.7.9 make answers of aiohttp 3.14.

    It was written before those wanted to know where their request was written.
    """
    written: Any = SimpleNamespace(output_size=0)
    mended = partial(aiohttp.ClientResponse, stream_writer=written)
    monkeypatch.setattr("aioresponses.core.ClientResponse", mended)


@pytest.fixture
def canned(mended_aioresponses: None) -> Iterator[aioresponses]:  # noqa: ARG001  # it is mended
    """Answer aiohttp's requests without a server, as users' tests do.

    It knows neither timeouts nor connections: how the library behaves is tested
    against the emulator, and with this only that mocks stay mocks.
    """
    with aioresponses() as answers:
        yield answers


@pytest.fixture
async def client(emulator: Emulator) -> AsyncIterator[AutocallsClient]:
    """Open a client with a default sender; Ana has just written to it."""
    emulator.customer_writes(ANA)
    async with AutocallsClient(
        "1|key-that-nobody-sees", base_url=emulator.base_url, sender_id=SENDER
    ) as opened:
        yield opened
