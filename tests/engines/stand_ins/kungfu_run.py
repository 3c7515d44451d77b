#!python
"""A stand-in for ``kungfu-run``: checks every argument and variable, and really starts the workers.

Its command line is that of KungFu 0.2.2. Like the real one it puts the workers' output into its own
and into the log directory, tells each worker who it is, and ends all of them when one fails. When the
configuration server tells another cluster it waits for the workers to end that are in it no longer
(they see it, too) and starts those that are new; with its last worker it ends itself.
"""

import argparse
import ipaddress
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

PATIENCE_S = 100
"""How long KungFu's own peers try to reach each other."""


def told_cluster(server: str) -> dict:
    """What the configuration server says: it starts beside the runners, maybe after them."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            with urllib.request.urlopen(server, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def told_workers(cluster: dict) -> list[str]:
    return [f"{ipaddress.IPv4Address(w['IPv4'])}:{w['Port']}" for w in cluster["Workers"]]


parser = argparse.ArgumentParser(prefix_chars="-", allow_abbrev=False)
parser.add_argument("-q", action="store_true", required=True)
parser.add_argument("-np", type=int, required=True)
parser.add_argument("-H", dest="hosts", required=True)
parser.add_argument("-self", dest="self_", type=ipaddress.IPv4Address, required=True)
parser.add_argument("-port", type=int, required=True)
parser.add_argument("-port-range", dest="ports", required=True)
parser.add_argument("-logdir", required=True)
parser.add_argument("-strategy", choices=["STAR", "RING", "BINARY_TREE_STAR", "AUTO"])
parser.add_argument("-w", action="store_true")
parser.add_argument("-config-server", dest="config")
parser.add_argument("program", nargs=argparse.REMAINDER)
options = parser.parse_args()

hosts = dict(host.split(":") for host in options.hosts.split(","))
first, last = map(int, options.ports.split("-"))
slots = int(hosts[str(options.self_)])
assert sum(map(int, hosts.values())) == options.np, "slots and peers differ"
assert last - first + 1 >= slots, "too few ports"
assert not first <= options.port <= last, "the runner's port is a worker's"
assert Path(options.logdir).is_dir(), "no log directory"
assert bool(options.w) == bool(options.config), "watching needs a configuration server"
assert os.environ["DLS_TASK_NUMBER"] == str(len(hosts))
assert os.environ[f"BATCH_CUSTOM{os.environ['DLS_TASK_INDEX']}_HOSTS"] == f"{options.self_}:{options.port}"

runner = socket.create_server((str(options.self_), options.port))
peers = [f"{host}:{first + slot}" for host, count in hosts.items() for slot in range(int(count))]
if options.config:
    cluster = told_cluster(options.config)
    assert told_workers(cluster) == peers, (cluster, peers)
    assert [r["Port"] for r in cluster["Runners"]] == [options.port] * len(hosts)

workers: dict[str, subprocess.Popen[bytes]] = {}


def start(me: str, cluster: list[str], version: int) -> None:
    identity = {
        "KUNGFU_SELF_SPEC": me,
        "KUNGFU_INIT_PEERS": ",".join(cluster),
        "KUNGFU_PARENT_ID": f"{options.self_}:{options.port}",
        "KUNGFU_HOST_LIST": options.hosts,
        "KUNGFU_INIT_CLUSTER_VERSION": str(version),
        "KUNGFU_ALLREDUCE_STRATEGY": options.strategy or "BINARY_TREE_STAR",
    }
    workers[me] = subprocess.Popen(options.program, env={**os.environ, **identity})
    (Path(options.logdir) / f"{me.replace(':', '.')}.stdout.log").touch()


def here(cluster: list[str]) -> list[str]:
    return [peer for peer in cluster if peer.startswith(f"{options.self_}:")]


for each in here(peers):
    start(each, peers, 0)
version = 0
while True:
    over = all(worker.poll() is not None for worker in workers.values())
    if code := next((w.returncode for w in workers.values() if w.returncode), 0):
        for worker in workers.values():
            worker.kill()
        sys.exit(code)
    cluster = told_workers(told_cluster(options.config)) if options.config else peers
    if cluster != peers:
        assert {int(peer.rpartition(":")[2]) for peer in here(cluster)} <= set(range(first, last + 1))
        version += 1
        for each in set(here(peers)) - set(cluster):
            assert workers.pop(each).wait(PATIENCE_S) == 0
        for each in here(cluster):
            if each not in peers:
                start(each, cluster, version)
        peers = cluster
    elif over:
        break
    time.sleep(0.05)
runner.close()
