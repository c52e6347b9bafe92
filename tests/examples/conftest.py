"""What the examples' tests share: an example by its name, and its environment."""

import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from autocalls_async.emulator import Emulator
from tests.ports import own_port

EXAMPLES = Path(__file__).parents[2] / "examples"

Load = Callable[[str], ModuleType]


@pytest.fixture
def port() -> int:
    """Choose where a service is to take webhooks in."""
    return own_port()


def telling(port: int) -> Emulator:
    """Make a sandbox that sends receipts to a service, as somebody asks for them."""
    return Emulator(
        webhook=f"http://127.0.0.1:{port}/hooks/receipts",
        webhook_secret="secret-nobody-sees",  # noqa: S106  # of nobody
        receipt_steps="manual",
    )


@pytest.fixture
def load(emulator: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Load:
    """Load an example as it stands, in an environment that names the emulator."""
    monkeypatch.setenv("AUTOCALLS_API_KEY", "1|key-that-nobody-sees")
    monkeypatch.setenv("AUTOCALLS_BASE_URL", emulator.base_url)
    monkeypatch.setenv("AUTOCALLS_SENDER_ID", "12")
    monkeypatch.setenv("REMINDER_TEMPLATE_ID", "46")
    monkeypatch.setenv("AUTOCALLS_WEBHOOK_SECRETS", "12=secret-nobody-sees")
    monkeypatch.setenv("RECEIPTS", str(tmp_path / "receipts.db"))

    def load_by_name(name: str) -> ModuleType:
        spec = spec_from_file_location(name, EXAMPLES / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        # FastAPI looks a handler's annotations up in its module.
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load_by_name
