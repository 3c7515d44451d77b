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

# What Slurm says → what it means, and its code; with an 8xxx code a later try may work.
_MEANINGS: tuple[tuple[str, str, str], ...] = (
    (r"munge|authentication|credential", "munge refuses: check munged and its key on this machine",
     Code.MUNGE_REFUSED),
    (r"unable to contact slurm controller|connection refused|connect failure|timed out|zero bytes|"
     r"no route to host|address.* (?:unknown|not known)|could not resolve",
     "Slurm's controller does not answer", Code.CLUSTER_UNREACHABLE),
    (r"invalid partition|partition \S+ not found", "the cluster has no partition {partition!r}",
     Code.PARTITION_UNKNOWN),
    (r"invalid account", "Slurm does not let the account be used on this partition", Code.CLUSTER_REFUSED),
    (r"invalid qos", "Slurm does not let the QoS be used", Code.CLUSTER_REFUSED),
    (r"invalid generic resource|invalid gres", "the partition has no such cards (GRES)", Code.CARDS_ABSENT),
    (r"invalid feature", "no node has the features of the constraint", Code.CLUSTER_REFUSED),
    (r"violates accounting/qos policy|job submit limit|maxsubmit",
     "a quota of Slurm is reached (account, QoS or user)", Code.CLUSTER_QUOTA_REACHED),
    (r"requested time limit is invalid", "the job's maximum duration is above the partition's limit",
     Code.CLUSTER_REFUSED),
    (r"node configuration is not available|can not be satisfied|node count specification invalid",
     "no nodes of the partition can give what the job asks for", Code.CLUSTER_REFUSED),
    (r"temporarily unable|temporarily unavailable", "Slurm takes no jobs just now", Code.CLUSTER_UNREACHABLE),
    (r"access/permission denied|not permitted|user not in group", "Slurm does not permit this",
     Code.CLUSTER_REFUSED),
    (r"unrecognized option|invalid option|unknown option", "sbatch does not know an option",
     Code.CLUSTER_REFUSED),
    (r"no such file or directory|unable to (?:read|process) configuration|config file",
     "Slurm's configuration cannot be read", Code.CLUSTER_REFUSED),
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
                code=Code.CLUSTER_REFUSED,
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
                code=Code.CLUSTER_UNREACHABLE,
            ) from None
        except OSError as error:
            raise Unavailable(f"{argv[0]} could not be started: {error.strerror}") from error
        if done.returncode:
            raise meaning(argv, done.stderr or done.stdout, self._partition)
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
    for pattern, sentence, code in _MEANINGS:
        if re.search(pattern, said, re.IGNORECASE):
            return refusal(code, f"{sentence.format(partition=partition)} ({argv[0]}: {words})")
    return refusal(Code.CLUSTER_REFUSED, f"Slurm refused it ({argv[0]}: {words})")


def refusal(code: str, message: str) -> TrainshedError:
    """The error of this code: one that may pass, or one that will not."""
    kind = Unavailable if code.startswith(Unavailable.family[:-3]) else InvalidInput
    return kind(message, code=code)
