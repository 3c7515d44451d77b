"""A real Slurm cluster of virtual nodes on this machine: loopback only, no systemd, no database.

Debian's ``slurmctld slurmd slurm-client munge`` (``scripts/test_deps.sh`` installs them) are
started as root. Each node is a ``slurmd`` in its own process, mount and host-name namespaces, so
that :meth:`SlurmCluster.crash` is a real crash of a node: everything on it is gone at once.

>>> with SlurmCluster.start(Path("/tmp/slurm")) as cluster:     # doctest: +SKIP
...     cluster.run("sinfo")
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "srun")
CARDS = 8
_SECONDS = 30.0


def missing() -> str:
    """What a test that needs Slurm lacks here, as a sentence; empty where nothing is."""
    absent = [program for program in PROGRAMS if shutil.which(program) is None]
    if absent:
        return f"{', '.join(absent)} not found: run scripts/test_deps.sh"
    return "" if os.geteuid() == 0 else "a virtual Slurm node needs root (namespaces, device files)"


@dataclass
class SlurmCluster:
    """One running cluster.

    Attributes:
        directory: configuration, sockets, state and logs; short, because sockets live in it.
        environment: what commands need to reach this cluster.
        headless: nodes on which ``slurmd`` was killed and the rest lives on.
    """

    directory: Path
    ports: list[int]
    nodes: list[str]
    namespaces: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict, repr=False)
    headless: set[str] = field(default_factory=set[str])

    @classmethod
    def start(cls, directory: Path, nodes: int = 4, *, cpus: int = 4, memory_mb: int = 4000) -> Self:
        """Start munge, the controller and ``nodes`` nodes, and wait until all are idle."""
        names = [f"node{i}" for i in range(nodes)]
        cluster = cls(directory, _free_ports(2 + nodes), names)
        cluster._configure(cpus, memory_mb)
        cluster._start_munge()
        cluster.start_controller()
        for name in names:
            cluster.start_node(name)
        cluster.wait_until(lambda: cluster.states() == dict.fromkeys(names, "idle"), "all nodes are idle")
        return cluster

    @property
    def conf(self) -> Path:
        """The configuration file."""
        return self.directory / "slurm.conf"

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "SLURM_CONF": str(self.conf)}

    def run(self, *command: str, check: bool = True) -> str:
        """Run a command of Slurm's against this cluster; its standard output."""
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stdout

    def states(self) -> dict[str, str]:
        """State of each node, as ``sinfo`` words it, without its flags."""
        listing = self.run("sinfo", "--noheader", "--Node", "--format=%N %T", check=False)
        rows = (line.split() for line in listing.splitlines())
        return {row[0]: row[1].rstrip("*~#!%$@^-+") for row in rows if len(row) == 2}

    def start_controller(self) -> None:
        """Start the controller (again), with the state that it had."""
        subprocess.run(["slurmctld", "-i"], env=self.environment, check=True, capture_output=True)

    def kill_controller(self) -> None:
        """End the controller with SIGKILL."""
        pid = int((self.directory / "slurmctld.pid").read_text())
        os.kill(pid, signal.SIGKILL)
        self.wait_until(lambda: not _alive(pid), "the controller is gone")

    @property
    def memory(self) -> Path:
        """What the controller knows of jobs after a start; :meth:`save` has it written."""
        return self.directory / "state" / "job_state"

    def save(self) -> bytes:
        """Wait until the controller has written all that it knows of jobs; what that is."""
        begun = time.time()
        found: list[bytes] = []

        def written() -> bool:
            with contextlib.suppress(FileNotFoundError):  # it is replaced in two steps
                if self.memory.stat().st_mtime > begun:
                    found.append(self.memory.read_bytes())
            return bool(found)

        self.run("scontrol", "reconfigure")
        self.wait_until(written, "the controller has written its state", 60)
        return found[0]

    def start_node(self, name: str) -> None:
        """Start a node (again)."""
        (self.directory / "spool" / name).mkdir(parents=True, exist_ok=True)
        script = (
            f"hostname {name}; mount --bind {self.directory}/hosts /etc/hosts; "
            f"slurmd -D -N {name} & wait; while :; do sleep 60; done"
        )
        command = [
            "unshare",
            "--pid",
            "--fork",
            "--kill-child=KILL",
            "--mount-proc",
            "--uts",
            "bash",
            "-c",
            script,
        ]
        with (self.directory / "log" / f"{name}.out").open("ab") as log:
            self.namespaces[name] = subprocess.Popen(
                command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def crash(self, name: str) -> None:
        """End everything on a node at once, as when its power fails."""
        namespace = self.namespaces.pop(name)
        namespace.kill()
        namespace.wait()
        self.headless.discard(name)

    def kill_daemon(self, name: str) -> None:
        """End ``slurmd`` on a node, and nothing else there, until :meth:`recover` ends the rest."""
        [first] = _children(self.namespaces[name].pid)
        [daemon] = [pid for pid in _children(first) if _program(pid) == "slurmd"]
        os.kill(daemon, signal.SIGKILL)
        self.headless.add(name)

    def on_node(self, name: str, *command: str) -> None:
        """Run a command with a node's view of the file system."""
        where = ["nsenter", f"--target={self.namespaces[name].pid}", "--mount"]
        subprocess.run([*where, *command], check=True, capture_output=True)

    def recover(self) -> None:
        """End all jobs, bring back nodes that crashed or were taken out, and wait until all are idle."""
        self.run("scancel", "--user=root", check=False)
        for name in list(self.headless):
            self.crash(name)
        states = self.states()
        for name in self.nodes:
            if crashed := name not in self.namespaces or self.namespaces[name].poll() is not None:
                self.start_node(name)
            if crashed or states.get(name) in ("drained", "draining", "down"):
                self.run("scontrol", "update", f"nodename={name}", "state=resume", check=False)
        idle = dict.fromkeys(self.nodes, "idle")
        self.wait_until(lambda: self.states() == idle, "all nodes are idle again", 90)

    def stop(self) -> None:
        """End the cluster and all that runs on it."""
        for name in list(self.namespaces):
            self.crash(name)
        for pid_file in ("slurmctld.pid", "munge-var/munged.pid"):
            with contextlib.suppress(OSError, ValueError):
                os.kill(int((self.directory / pid_file).read_text()), signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def wait_until(self, condition: Callable[[], bool], what: str, seconds: float = _SECONDS) -> None:
        """Wait until ``condition()`` holds.

        Raises:
            TimeoutError: it did not within ``seconds``.
        """
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                logs = (self.directory / "log" / "slurmctld.log").read_text(errors="replace")[-2000:]
                raise TimeoutError(f"waited {seconds} s in vain until {what}; {self.states()}\n{logs}")
            time.sleep(0.05)

    def _configure(self, cpus: int, memory_mb: int) -> None:
        base = self.directory
        for folder, mode in {
            "munge-key": 0o700,
            "munge-var": 0o700,
            "munge": 0o755,
            "state": 0o755,
            "log": 0o755,
            "dev": 0o755,
        }.items():
            (base / folder).mkdir(parents=True, exist_ok=True)
            (base / folder).chmod(mode)
        base.chmod(0o755)
        key = base / "munge-key" / "munge.key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o400)
        for i in range(CARDS):
            card = base / "dev" / f"gpu{i}"
            if not card.exists():
                os.mknod(card, 0o666 | 0o020000, os.makedev(1, 3))  # a pretend GPU must be a character device
        names = " ".join([socket.gethostname(), *self.nodes])
        (base / "hosts").write_text(f"127.0.0.1 localhost {names}\n")
        node_range = f"node[0-{len(self.nodes) - 1}]"
        (base / "gres.conf").write_text(
            f"AutoDetect=off\nNodeName={node_range} Name=gpu Type=a100 File={base}/dev/gpu[0-{CARDS - 1}]\n"
            f"NodeName={node_range} Name=npu Count={CARDS}\n"
        )
        (base / "slurm.conf").write_text(self._slurm_conf(cpus, memory_mb))

    def _slurm_conf(self, cpus: int, memory_mb: int) -> str:
        base = self.directory
        controller, daemon, *node_ports = self.ports
        lines = [
            "ClusterName=test",
            "SlurmctldHost=localhost(127.0.0.1)",
            f"SlurmctldPort={controller}",
            f"SlurmdPort={daemon}",
            "SlurmUser=root",
            "SlurmdUser=root",
            "AuthType=auth/munge",
            "CryptoType=crypto/munge",
            "CredType=cred/munge",
            f"AuthInfo=socket={base}/munge/munge.socket",
            "CommunicationParameters=NoCtldInAddrAny,NoInAddrAny",
            f"StateSaveLocation={base}/state",
            f"SlurmdSpoolDir={base}/spool/%n",
            f"SlurmctldPidFile={base}/slurmctld.pid",
            f"SlurmdPidFile={base}/slurmd.%n.pid",
            f"SlurmctldLogFile={base}/log/slurmctld.log",
            f"SlurmdLogFile={base}/log/slurmd.%n.log",
            "ProctrackType=proctrack/linuxproc",
            "TaskPlugin=task/none",
            "GresTypes=gpu,npu",
            "MpiDefault=none",
            "SwitchType=switch/none",
            "JobAcctGatherType=jobacct_gather/linux",
            "JobAcctGatherFrequency=task=1",
            "JobAcctGatherParams=OverMemoryKill",
            "AccountingStorageType=accounting_storage/none",
            "JobCompType=jobcomp/filetxt",
            f"JobCompLoc={base}/log/jobcomp.txt",
            "SelectType=select/cons_tres",
            "SelectTypeParameters=CR_Core_Memory",
            "SchedulerType=sched/backfill",
            "SchedulerParameters=batch_sched_delay=1,sched_min_interval=2,bf_interval=5",
            "ReturnToService=2",
            "SlurmdTimeout=10",
            "SlurmctldTimeout=10",
            "MinJobAge=300",
            "KillWait=5",
            "MessageTimeout=10",
            "JobRequeue=1",
            "PreemptType=preempt/partition_prio",
            "PreemptMode=CANCEL",
            "SlurmdParameters=config_overrides",
        ]
        for name, port in zip(self.nodes, node_ports, strict=True):
            lines.append(
                f"NodeName={name} NodeAddr=127.0.0.1 Port={port} CPUs={cpus} RealMemory={memory_mb} "
                f"Gres=gpu:a100:{CARDS},npu:{CARDS} State=UNKNOWN"
            )
        lines += [
            "PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1",
            "PartitionName=urgent Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=9",
        ]
        return "\n".join(lines) + "\n"

    def _start_munge(self) -> None:
        base = self.directory
        command = [
            "munged",
            f"--key-file={base}/munge-key/munge.key",
            f"--socket={base}/munge/munge.socket",
            f"--pid-file={base}/munge-var/munged.pid",
            f"--log-file={base}/munge-var/munged.log",
            f"--seed-file={base}/munge-var/seed",
        ]
        subprocess.run(command, check=True, capture_output=True)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _program(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""
