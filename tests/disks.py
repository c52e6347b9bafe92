"""Disks that are small, full, read-only or without power, where we may have them."""

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def run_as_root(name: str, *arguments: str) -> bool:
    """Run a command on disks, if we may; say whether it worked."""
    command = shutil.which(name)
    if command is None or os.geteuid() != 0:
        return False
    done = subprocess.run([command, *arguments], check=False)  # noqa: S603  # our own disk
    return done.returncode == 0


@contextmanager
def small_disk(folder: Path, *, size: str = "256k") -> Iterator[Path]:
    """Mount a disk of this size; the test is skipped where that may not be."""
    folder.mkdir()
    options = ("-t", "tmpfs", "-o", f"size={size}", "none")
    if not run_as_root("mount", *options, str(folder)):
        pytest.skip("no disk can be mounted here")
    yield folder
    assert run_as_root("umount", "--lazy", str(folder))


def remount(disk: Path, mode: str) -> None:
    """Make a disk read-only, `ro`, or writable again, `rw`."""
    assert run_as_root("mount", "-o", f"remount,{mode}", "none", str(disk))


@contextmanager
def small_files(size_bytes: int) -> Iterator[None]:
    """Let no file of this process grow over a size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def build_synced(folder: Path) -> Path:
    """Build what keeps aside what of a file was synced, for `LD_PRELOAD`."""
    compiler = shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("there is no C compiler here, or no LD_PRELOAD")
    built = folder / "synced.so"
    source = Path(__file__).with_name("synced.c")
    options = ("-shared", "-fPIC", "-O1", "-o", str(built), str(source), "-ldl")
    subprocess.run([compiler, *options], check=True)  # noqa: S603  # our own program
    return built


def cut_power(folder: Path) -> None:
    """Leave of each file what was synced; nothing of one that never was."""
    for path in list(folder.iterdir()):
        kept = path.with_name(f"{path.name}.synced")
        if path.suffix == ".synced":
            continue
        if kept.exists():  # the file stays itself: its inode is known
            path.write_bytes(kept.read_bytes())
        else:
            path.unlink()
    for path in list(folder.glob("*.synced")):
        if not path.with_suffix("").exists():
            path.rename(path.with_suffix(""))
        else:
            path.unlink()
