"""What the supervisor writes down of a launch."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from trainshed.agent import ranks


def test_how_a_run_ended_waits_for_room_on_a_full_disk(tmp_path: Path) -> None:
    (tmp_path / ".run.result").symlink_to("/dev/full")
    directory = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        writer = threading.Thread(target=ranks.write_when_possible, args=(directory, "run.result", [1]))
        writer.start()
        writer.join(0.5)
        assert writer.is_alive()
        assert not (tmp_path / "run.result").exists()
        (tmp_path / ".run.result").unlink()
        writer.join(60)
        assert json.loads((tmp_path / "run.result").read_bytes()) == [1]
    finally:
        os.close(directory)


def test_what_is_no_full_disk_is_no_reason_to_wait(tmp_path: Path) -> None:
    (tmp_path / ".run.result").mkdir()
    directory = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with pytest.raises(IsADirectoryError):
            ranks.write_when_possible(directory, "run.result", [1])
    finally:
        os.close(directory)
