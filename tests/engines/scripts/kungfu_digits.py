"""A KungFu worker: finds its rank as KungFu tells it, and learns its share of the digits."""

import argparse
import json
import os

import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("--data_url", required=True)
parser.add_argument("--fail_rank", type=int, default=-1)
args = parser.parse_args()

peers = os.environ["KUNGFU_INIT_PEERS"].split(",")
rank, size = peers.index(os.environ["KUNGFU_SELF_SPEC"]), len(peers)
if rank == args.fail_rank:
    raise SystemExit(3)
data = np.load(os.path.join(args.data_url, "digits.npz"))
x, y = data["x_train"].reshape(-1, 64)[rank::size], data["y_train"][rank::size]
weights = np.zeros((64, 10))
for _ in range(300):
    odds = np.exp(x @ weights)
    odds /= odds.sum(axis=1, keepdims=True)
    odds[np.arange(len(y)), y] -= 1
    weights -= x.T @ odds / len(y)
accuracy = float(((data["x_test"].reshape(-1, 64) @ weights).argmax(axis=1) == data["y_test"]).mean())
report = {
    "rank": rank,
    "size": size,
    "accuracy": accuracy,
    "config": os.environ.get("KUNGFU_CONFIG_SERVER", ""),
}
print("REPORT " + json.dumps(report), flush=True)
