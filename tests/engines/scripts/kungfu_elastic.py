"""An elastic KungFu worker: asks the configuration server for its cluster at every step, as
``kungfu.python.elastic`` does, and ends once the cluster was small and is whole again."""

import ipaddress
import json
import os
import time
import urllib.request

WHOLE, SMALL = 4, 2

me, server = os.environ["KUNGFU_SELF_SPEC"], os.environ["KUNGFU_CONFIG_SERVER"]
newcomer = os.environ["KUNGFU_INIT_CLUSTER_VERSION"] != "0"
peers, sizes = os.environ["KUNGFU_INIT_PEERS"].split(","), set()
print(f"joined {len(peers)} peers as {peers.index(me)}, newcomer: {newcomer}", flush=True)
while not (len(peers) == WHOLE and (newcomer or SMALL in sizes)):
    with urllib.request.urlopen(server, timeout=60) as answer:
        told = json.load(answer)["Workers"]
    now = [f"{ipaddress.IPv4Address(w['IPv4'])}:{w['Port']}" for w in told]
    if me not in now:
        print(f"left, {len(now)} peers go on", flush=True)
        break
    if now != peers:
        print(f"now {len(now)} peers, I am {now.index(me)}", flush=True)
    peers = now
    sizes.add(len(peers))
    time.sleep(0.02)
