"""Softmax regression on the digits over MPI: every rank has a share, gradients are averaged."""

import argparse
import json
import os

import numpy as np
from mpi4py import MPI

parser = argparse.ArgumentParser()
parser.add_argument("--data_url", required=True)
parser.add_argument("--steps", type=int, default=300)
args = parser.parse_args()

world = MPI.COMM_WORLD
rank, size = world.Get_rank(), world.Get_size()
data = np.load(os.path.join(args.data_url, "digits.npz"))
x, y = data["x_train"].reshape(-1, 64)[rank::size], data["y_train"][rank::size]
weights = np.zeros((65, 10))


def with_bias(rows):
    return np.concatenate([rows, np.ones((len(rows), 1))], axis=1)


x = with_bias(x)
for _ in range(args.steps):
    scores = x @ weights
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    odds /= odds.sum(axis=1, keepdims=True)
    odds[np.arange(len(y)), y] -= 1
    gradient = x.T @ odds / len(y)
    total = np.empty_like(gradient)
    world.Allreduce(gradient, total)
    weights -= 1.0 * total / size
names = world.allgather(rank)
assert names == list(range(size)), names
guesses = (with_bias(data["x_test"].reshape(-1, 64)) @ weights).argmax(axis=1)
accuracy = float((guesses == data["y_test"]).mean())
report = {"rank": rank, "size": size, "accuracy": accuracy, "checksum": float(np.abs(weights).sum())}
print("REPORT " + json.dumps(report), flush=True)
