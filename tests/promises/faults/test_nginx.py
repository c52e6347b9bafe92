"""What a real nginx in front of the service makes of its faults, in real time."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from autocalls_async import AutocallsClient, UnknownOutcomeError
from tests.ports import closed_port, own_port
from tests.promises.faults.scripts import answers, reset, serve, stall
from tests.promises.faults.server import FaultServer, Script

_NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")

pytestmark = [
    pytest.mark.real_time,
    pytest.mark.skipif(_NGINX is None, reason="nginx is not installed here"),
]

_SETTINGS = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  proxy_read_timeout 300ms;
  server {{
    listen 127.0.0.1:{front};
    location /up/ {{ proxy_pass http://127.0.0.1:{behind}; }}
    location /down/ {{ proxy_pass http://127.0.0.1:{nobody}; }}
    location /full/ {{ return 503; }}
    location /small/ {{ client_max_body_size 1; proxy_pass http://127.0.0.1:{behind}; }}
  }}
}}
"""


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    """Find ports: nginx's, the service's behind it, and one of nobody's."""
    with closed_port() as nobody:
        yield {"front": own_port(), "behind": own_port(), "nobody": nobody}


@pytest.fixture(scope="module")
def front(
    ports: dict[str, int], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Run nginx, and give its address."""
    assert _NGINX is not None
    folder = tmp_path_factory.mktemp("nginx")
    settings = folder / "nginx.conf"
    settings.write_text(_SETTINGS.format(folder=folder, **ports), encoding="utf-8")
    command = [_NGINX, "-p", str(folder), "-c", str(settings)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as nginx:  # noqa: S603  # as found on the path
        _wait_for(folder, ports["front"])
        yield f"http://127.0.0.1:{ports['front']}"
        nginx.terminate()


def _wait_for(folder: Path, port: int) -> None:
    """Wait until nginx listens."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    pytest.fail((folder / "error.log").read_text(encoding="utf-8"))


def _service(script: Script, ports: dict[str, int]) -> FaultServer:
    return FaultServer(script, port=ports["behind"], settle_seconds=0.05)


def _client(base_url: str) -> AutocallsClient:
    return AutocallsClient(
        "1|key", base_url=base_url, sender_id=12, window_check="never"
    )


@pytest.mark.parametrize(
    ("path", "script", "status", "arrived_count"),
    [
        pytest.param("down", serve, 502, 0, id="502: the service is down"),
        pytest.param("up", answers(), 502, 1, id="502: it read all, then closed"),
        pytest.param(
            "up", answers(then=reset), 502, 1, id="502: it read all, then RST"
        ),
        pytest.param("up", answers(then=stall), 504, 1, id="504: it read all"),
        pytest.param("full", serve, 503, 0, id="503: by nginx itself"),
        pytest.param("small", serve, 413, 0, id="413: by nginx itself"),
    ],
)
async def test_a_send_behind_nginx_is_unknown_where_nginx_answers(
    front: str,
    ports: dict[str, int],
    path: str,
    script: Script,
    status: int,
    arrived_count: int,
) -> None:
    async with _service(script, ports) as service, _client(f"{front}/{path}") as client:
        with pytest.raises(UnknownOutcomeError) as caught:
            await client.send_freeform("+14155550123", "hello")

    assert caught.value.status == status
    assert len(service.arrivals) == arrived_count


async def test_a_send_behind_nginx_is_accepted_where_the_service_takes_it(
    front: str, ports: dict[str, int]
) -> None:
    async with _service(serve, ports) as service, _client(f"{front}/up") as client:
        sent = await client.send_freeform("+14155550123", "hello")

    assert sent.whatsapp_message_id == service.arrivals[0].number
