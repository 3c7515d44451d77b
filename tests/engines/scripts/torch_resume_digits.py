"""Trains on the digits with DistributedDataParallel, and goes on from its last checkpoint if there is one.

With --halt N the ranks stand still after epoch N for as long as they began from the beginning.
"""

import argparse
import json
import os
import time

import numpy as np
import torch
import torch.distributed as dist
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--data_url", required=True)
parser.add_argument("--train_url", required=True)
parser.add_argument("--epochs", type=int, default=4)
parser.add_argument("--halt", type=int, default=-1)
args = parser.parse_args()

dist.init_process_group("gloo")
rank, size = dist.get_rank(), dist.get_world_size()
torch.set_num_threads(1)
torch.manual_seed(1)
data = np.load(os.path.join(args.data_url, "digits.npz"))
x, y = (torch.from_numpy(data[name])[rank::size] for name in ("x_train", "y_train"))
model = nn.parallel.DistributedDataParallel(nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.Linear(32, 10)))
optimizer = torch.optim.Adam(model.parameters(), lr=0.004)
checkpoint = os.path.join(args.train_url, "checkpoint.pt")
first = 0
if os.path.exists(checkpoint):
    saved = torch.load(checkpoint)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    first = saved["epoch"] + 1
for epoch in range(first, args.epochs):
    for start in range(0, len(x), 50):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x[start : start + 50]), y[start : start + 50])
        loss.backward()
        optimizer.step()
    if rank == 0:
        torch.save(
            {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch},
            checkpoint + ".new",
        )
        os.replace(checkpoint + ".new", checkpoint)
    dist.barrier()
    print("epoch %d loss=%.6f" % (epoch, loss.item()), flush=True)
    while epoch == args.halt and first == 0:
        time.sleep(0.1)
print("REPORT " + json.dumps({"rank": rank, "size": size, "first": first, "loss": loss.item()}), flush=True)
dist.destroy_process_group()
