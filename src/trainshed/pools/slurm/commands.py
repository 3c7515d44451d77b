"""Runs Slurm's commands, and says in a sentence what is wrong where one fails."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence

from trainshed.core.errors import Code, InvalidInput, TrainshedError, Unavailable

TIMEOUT_S = 60.0
_KEPT = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "SLURM_CONF", "TZ")

# What Slurm says → what it means, and whether a later try may work.
_MEANINGS: tuple[tuple[str, str, bool], ...] = (
    (r"munge|authentication|credential", "munge refuses: check munged and its key on this machine", True),
    (r"unable to contact slurm controller|connection refused|connect failure|timed out|zero bytes|"
     r"no route to host|address.* (?:unknown|not known)|could not resolve",
     "Slurm's controller does not answer", True),
    (r"invalid partition", "the cluster has no partition {partition!r}", False),
    (r"invalid account", "Slurm does not let the account be used on this partition", False),
    (r"invalid qos", "Slurm does not let the QoS be used", False),
    (r"invalid generic resource|invalid gres", "the partition has no such cards (GRES)", False),
    (r"invalid feature", "no node has the features of the constraint", False),
    (r"violates accounting/qos policy|job submit limit|maxsubmit",
     "a quota of Slurm is reached (account, QoS or user)", True),
    (r"requested time limit is invalid", "the job's maximum duration is above the partition's limit", False),
    (r"node configuration is not available|can not be satisfied|node count specification invalid",
     "no nodes of the partition can give what the job asks for", False),
    (r"temporarily unable|temporarily unavailable", "Slurm takes no jobs just now", True),
    (r"access/permission denied|not permitted|user not in group", "Slurm does not permit this", False),
    (r"unrecognized option|invalid option|unknown option", "sbatch does not know an option", False),
    (r"no such file or directory|unable to (?:read|process) configuration|config file",
     "Slurm's configuration cannot be read", False),
)  # fmt: skip


class Slurm:
    """Slurm's commands, as seen from this machine.

    Args:
        conf: Slurm's configuration file; empty for its default.
    """

    def __init__(self, partition: str, conf: str = "") -> None:
        self._partition = partition
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        self._environment = kept | ({"SLURM_CONF": conf} if conf else {})

    def run(self, *argv: str, script: str = "", timeout_s: float = TIMEOUT_S) -> str:
        """What the command prints.

        Raises:
            Unavailable: Slurm does not answer; a later try may work.
            InvalidInput: Slurm refuses it, or is not installed here.
        """
        if shutil.which(argv[0], path=self._environment.get("PATH")) is None:
            raise InvalidInput(
                f"{argv[0]} is not installed on the service's machine: install Slurm's client commands there",
                code=Code.FIELD_INVALID,
            )
        try:
            done = subprocess.run(
                argv,
                input=script or None,
                stdin=None if script else subprocess.DEVNULL,
                env=self._environment,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Unavailable(
                f"Slurm's controller does not answer: {argv[0]} took more than {timeout_s:g} s",
                code=Code.SERVICE_UNREACHABLE,
            ) from None
        except OSError as error:
            raise Unavailable(f"{argv[0]} could not be started: {error.strerror}") from error
        if done.returncode:
            raise meaning(argv, done.stderr, self._partition)
        return done.stdout


def meaning(argv: Sequence[str], said: str, partition: str = "") -> TrainshedError:
    """What a command's complaint means.

    >>> meaning(["sbatch"], "sbatch: error: invalid partition specified: x", "x").message
    "the cluster has no partition 'x' (sbatch: invalid partition specified: x)"
    """
    lines = [
        re.sub(r"^\w+: (?:error|fatal): ", "", line.strip()) for line in said.splitlines() if line.strip()
    ]
    words = "; ".join(dict.fromkeys(lines))[:400] or "it said nothing"
    for pattern, sentence, retry in _MEANINGS:
        if re.search(pattern, said, re.IGNORECASE):
            message = f"{sentence.format(partition=partition)} ({argv[0]}: {words})"
            return Unavailable(message, code=Code.SERVICE_UNREACHABLE) if retry else InvalidInput(message)
    return InvalidInput(f"Slurm refused it ({argv[0]}: {words})")
