"""A stand-in for ``kungfu-run``: checks every argument and variable, and really starts the workers.

Its command line is that of KungFu 0.2.2. Like the real one it puts the workers' output into its own
and into the log directory, tells each worker who it is, and ends all of them when one fails.
"""

from __future__ import annotations

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
    told = [f"{ipaddress.IPv4Address(w['IPv4'])}:{w['Port']}" for w in cluster["Workers"]]
    assert told == peers, (told, peers)
    assert [r["Port"] for r in cluster["Runners"]] == [options.port] * len(hosts)

workers: list[subprocess.Popen[bytes]] = []
for slot in range(slots):
    me = f"{options.self_}:{first + slot}"
    identity = {
        "KUNGFU_SELF_SPEC": me,
        "KUNGFU_INIT_PEERS": ",".join(peers),
        "KUNGFU_PARENT_ID": f"{options.self_}:{options.port}",
        "KUNGFU_HOST_LIST": options.hosts,
        "KUNGFU_INIT_CLUSTER_VERSION": "0",
        "KUNGFU_ALLREDUCE_STRATEGY": options.strategy or "BINARY_TREE_STAR",
    }
    worker = subprocess.Popen(options.program, env={**os.environ, **identity})
    workers.append(worker)
    (Path(options.logdir) / f"{me.replace(':', '.')}.stdout.log").touch()
codes = [worker.wait() for worker in workers]
runner.close()
sys.exit(next((code for code in codes if code), 0))
