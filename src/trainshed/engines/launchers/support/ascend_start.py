"""Writes the rank table if it was given, waits until the table is complete, becomes the program.

``ascend_start.py SECONDS -- PROGRAM ARGUMENT…``. ``RANK_TABLE_FILE`` says where the table is;
``TRAINSHED_RANK_TABLES`` holds the tables to write, as a JSON object of path → table. Where it is
empty the platform writes the table, and until it has done so its status is not "completed".
"""

import json
import os
import sys
import time


def write(path: str, table: object) -> None:
    """Write a table in one step: other ranks may be reading it."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    temporary = "%s.%d" % (path, os.getpid())
    with open(temporary, "w") as file:
        json.dump(table, file, indent=1)
    os.replace(temporary, path)


def is_complete(path: str) -> bool:
    """Whether the table is there and says that it is complete."""
    try:
        with open(path) as file:
            return bool(json.load(file).get("status") == "completed")
    except (OSError, ValueError, AttributeError):
        return False


def wait(path: str, seconds: float) -> bool:
    """Whether the table was complete within ``seconds``."""
    deadline = time.monotonic() + seconds
    said = False
    while not is_complete(path):
        if time.monotonic() > deadline:
            return False
        if not said:
            print("Wait for Rank table file ready", flush=True)
            said = True
        time.sleep(0.1)
    return True


if __name__ == "__main__":
    limit, _, *program = sys.argv[1:]
    for place, content in json.loads(os.environ.pop("TRAINSHED_RANK_TABLES", "") or "{}").items():
        write(place, content)
    table_file = os.environ["RANK_TABLE_FILE"]
    if not wait(table_file, float(limit)):
        sys.exit("the rank table " + table_file + " was not complete within " + limit + " s")
    os.execv(program[0], program)
