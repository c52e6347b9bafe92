"""The mended aioresponses of conftest.py."""

import aiohttp
from aioresponses import aioresponses


async def test_a_canned_answer_can_be_read(canned: aioresponses) -> None:
    canned.get("http://service/me", payload={"id": 7}, status=201)

    async with (
        aiohttp.ClientSession() as session,
        session.get("http://service/me") as answer,
    ):
        body = await answer.json()

    assert (answer.status, body) == (201, {"id": 7})
