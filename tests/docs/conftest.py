"""The browser of the sandbox page's tests looks at the site, too."""

from tests.emulator.page.conftest import browser_thread, pytest_pyfunc_call, tabs

__all__ = ["browser_thread", "pytest_pyfunc_call", "tabs"]
