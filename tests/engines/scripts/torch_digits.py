"""Trains a small CNN on the digits; DistributedDataParallel where there are several ranks.

An ordinary ModelArts-style script: it knows argparse and torch, and nothing of the service.
Runs on PyTorch 1.8 and on today's.
"""

import argparse
import json
import os

import numpy as np
import torch
import torch.distributed as dist
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--data_url", required=True)
parser.add_argument("--train_url", default="")
parser.add_argument("--epochs", type=int, default=6)
parser.add_argument("--lr", type=float, default=0.004)
parser.add_argument("--init_method", default="env://")
parser.add_argument("--rank", type=int, default=-1)
parser.add_argument("--world_size", type=int, default=-1)
parser.add_argument("--local_rank", type=int, default=0)
args = parser.parse_args()

rank, size = 0, 1
if args.world_size > 1 or "WORLD_SIZE" in os.environ:
    dist.init_process_group("gloo", init_method=args.init_method, rank=args.rank, world_size=args.world_size)
    rank, size = dist.get_rank(), dist.get_world_size()

torch.manual_seed(1)
data = np.load(os.path.join(args.data_url, "digits.npz"))
tensors = {name: torch.from_numpy(data[name]) for name in data.files}
x, y = tensors["x_train"].permute(0, 3, 1, 2)[rank::size], tensors["y_train"][rank::size]
model = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.ReLU(),
    nn.Conv2d(16, 32, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(512, 10),
)
trained = nn.parallel.DistributedDataParallel(model) if size > 1 else model
optimizer = torch.optim.Adam(trained.parameters(), lr=args.lr)
for epoch in range(args.epochs):
    for start in range(0, len(x), 50):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(trained(x[start : start + 50]), y[start : start + 50])
        loss.backward()
        optimizer.step()
    print("epoch %d loss=%.4f" % (epoch, loss.item()), flush=True)

with torch.no_grad():
    guesses = model(tensors["x_test"].permute(0, 3, 1, 2)).argmax(1)
accuracy = (guesses == tensors["y_test"]).float().mean().item()
checksum = sum(p.double().sum().item() for p in model.parameters())
if args.train_url and rank == 0:
    torch.save(model.state_dict(), os.path.join(args.train_url, "model.pt"))
report = {
    "rank": rank,
    "size": size,
    "accuracy": accuracy,
    "checksum": checksum,
    "version": torch.__version__,
}
report["argv"] = {"rank": args.rank, "local_rank": args.local_rank, "init_method": args.init_method}
print("REPORT " + json.dumps(report), flush=True)
