"""The commands of a cluster, as they are typed."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from autocalls_async.cli.app import run
from autocalls_async.cli.cluster.postgres import Server
from autocalls_async.cluster.protocol.database import Database
from autocalls_async.cluster.protocol.migrations import NEWEST

pytestmark = [
    pytest.mark.needs("a database"),
    pytest.mark.real_time,
    pytest.mark.xdist_group("database"),
]


@pytest.fixture
def place(dsn: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name the database as users do."""
    monkeypatch.setenv("AUTOCALLS_CLUSTER_DSN", dsn)
    return dsn


def _emitted(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_new_database_is_brought_up_to_date_once(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    import psycopg  # noqa: PLC0415  # most test runs need no driver

    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE fresh")
    words = ["cluster", "migrate", "--json", "--dsn", server.dsn("fresh")]

    assert [run(words), run(words)] == [0, 0]

    assert _emitted(capsys) == [
        {"applied": list(range(1, NEWEST + 1))},
        {"applied": []},
    ]


def test_without_a_database_the_command_says_how_to_name_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AUTOCALLS_CLUSTER_DSN", raising=False)

    assert run(["cluster", "status"]) == 2

    assert "set AUTOCALLS_CLUSTER_DSN or give --dsn" in capsys.readouterr().err


@pytest.mark.usefixtures("place")
def test_an_account_is_added_paused_and_resumed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["cluster", "add", "acme"]) == 0
    assert run(["cluster", "pause", "acme", "--why", "an audit"]) == 0
    capsys.readouterr()
    assert run(["cluster", "status", "--json"]) == 0
    (status,) = _emitted(capsys)
    assert run(["cluster", "resume", "acme"]) == 0
    assert run(["cluster", "resume", "nobody"]) == 2
    assert run(["cluster", "status"]) == 0
    shown = capsys.readouterr()

    assert status == {
        "workers": [],
        "accounts": [
            {
                "name": "acme",
                "holder_pid": None,
                "holder_host": None,
                "epoch": 0,
                "interactive": 0,
                "bulk": 0,
                "oldest_wait": 0.0,
                "paused": "an audit",
            }
        ],
        "unknown": 0,
    }
    assert "acme" in shown.out
    assert "no account 'nobody'" in shown.err


@pytest.mark.usefixtures("place")
def test_a_file_is_handed_over_whole_or_not_at_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text("recipient_phone,message\n+14155550123,one\n+14155550124,two\n")
    bad.write_text("recipient_phone,message\n+14155550123,one\nnobody,two\n")
    words = ["--account", "acme", "--campaign", "spring", "--sender-id", "12"]

    assert run(["cluster", "add", "acme"]) == 0
    assert run(["cluster", "send", str(bad), *words]) == 2
    assert run(["cluster", "send", "-", *words, "--format", "csv"]) == 2
    capsys.readouterr()
    assert run(["cluster", "send", str(good), *words, "--json"]) == 0
    good.write_text(good.read_text() + "+14155550125,three\n")
    assert run(["cluster", "send", str(good), *words, "--json"]) == 0
    assert run(["cluster", "status", "--json"]) == 0
    handed, again, status = _emitted(capsys)
    assert run(["cluster", "send", str(good), *words]) == 0
    told = capsys.readouterr().out

    assert handed == {"handed_over": 2, "known": 0, "campaign": "spring"}
    assert again == {"handed_over": 1, "known": 2, "campaign": "spring"}
    assert status["accounts"][0]["bulk"] == 3
    assert told == "0 messages handed over to the workers; 3 were there already\n"


def test_unknown_messages_are_listed_and_settled(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("recipient_phone,message,key\n+14155550123,one,k\n")
    words = ["--account", "acme", "--campaign", "spring", "--sender-id", "12"]
    run(["cluster", "add", "acme"])
    run(["cluster", "send", str(file), *words])
    asyncio.run(_change(place, "UPDATE autocalls.message SET state = 'unknown'"))
    capsys.readouterr()

    resolve = ["cluster", "unknown", "resolve"]
    assert run(["cluster", "unknown", "list", "--json"]) == 0
    assert run(["cluster", "unknown", "list"]) == 0
    listed = capsys.readouterr().out
    assert run([*resolve, "--as", "new"]) == 2
    assert run([*resolve, "--as", "accepted", "--key", "other"]) == 2
    assert run([*resolve, "--as", "accepted", "--all", "--yes"]) == 0
    assert run([*resolve, "--as", "accepted", "--all", "--yes"]) == 0
    told = capsys.readouterr().out

    assert '"key": "k"' in listed
    assert "+1415•••0123" in listed
    assert "1 unknown message taken as accepted" in told
    assert "0 unknown messages taken as accepted" in told


async def _change(dsn: str, sql: Any) -> None:  # noqa: ANN401  # a literal
    async with Database(dsn) as database:
        await database.fetch(sql)


def test_a_worker_hands_over_and_ends_with_143(place: str, tmp_path: Path) -> None:
    accounts = tmp_path / "accounts.toml"
    accounts.write_text('[acme]\napi_key = "k"\nsender_id = 12\n')
    words = [sys.executable, "-m", "autocalls_async", "worker"]
    worker = subprocess.Popen(  # noqa: S603  # our own words
        [*words, "--accounts", str(accounts), "--json"],
        env={**os.environ, "AUTOCALLS_CLUSTER_DSN": place},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert worker.stderr is not None
    with worker.stderr as told:
        first = told.readline()
        worker.send_signal(signal.SIGTERM)
        status = worker.wait(30)
        told.read()

    assert first == "working for 1 account\n"
    assert status == 143


@pytest.mark.usefixtures("place")
def test_a_worker_without_a_readable_file_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["worker", "--accounts", str(tmp_path / "none.toml")]) == 2
    assert "cannot read" in capsys.readouterr().err


@pytest.mark.timeout(180)
def test_the_demo_kills_a_worker_and_the_books_agree(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["cluster", "demo", "--messages", "20", "--json"]) == 0
    (books,) = _emitted(capsys)

    assert books["agree"]
    assert books["accepted"] + books["unknown"] == 20
    assert books["received_twice"] == 0
