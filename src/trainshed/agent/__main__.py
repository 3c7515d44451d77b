"""``python -m trainshed.agent TASK_ROOT``: does the task in that directory, or what is left of it.

``python -m trainshed.agent --deliver ENDPOINT TASK_ROOT`` only delivers what a dead agent left there.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from trainshed.core.errors import TrainshedError

if TYPE_CHECKING:
    from socket import socket

DELIVERED, UNDELIVERED, REFUSED = 0, 75, 64


def main(arguments: list[str], keeper: socket | None = None) -> int:
    """Exit code: 0 when all was delivered, 75 when a later agent must go on, 64 when nothing was done.

    Args:
        keeper: a connection to the node's keeper of warm parents, if it has one.
    """
    match arguments:
        case ["--deliver", _, _] | [_]:
            pass
        case _:
            print("usage: python -m trainshed.agent [--deliver ENDPOINT] TASK_ROOT", file=sys.stderr)
            return REFUSED
    try:
        if arguments[1:]:
            from trainshed.agent import delivery

            delivered = delivery.deliver(arguments[2], arguments[1])
        else:
            from trainshed.agent import agent

            delivered = agent.run(arguments[0], keeper)
    except (TrainshedError, FileNotFoundError) as error:
        print(f"trainshed.agent: {error}", file=sys.stderr)
        return REFUSED
    return DELIVERED if delivered else UNDELIVERED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
