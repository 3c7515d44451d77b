"""A small CNN on the digits with Horovod and PyTorch: DistributedOptimizer and a broadcast."""

import argparse
import json
import os

import horovod.torch as hvd
import numpy as np
import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--data_url", required=True)
parser.add_argument("--epochs", type=int, default=5)
args = parser.parse_args()

hvd.init()
rank, size = hvd.rank(), hvd.size()
torch.set_num_threads(1)
torch.manual_seed(rank)
data = np.load(os.path.join(args.data_url, "digits.npz"))
tensors = {name: torch.from_numpy(data[name]) for name in data.files}
x, y = tensors["x_train"].permute(0, 3, 1, 2)[rank::size], tensors["y_train"][rank::size]
model = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 10)
)
optimizer = torch.optim.Adam(model.parameters(), lr=0.004)
optimizer = hvd.DistributedOptimizer(optimizer, named_parameters=model.named_parameters())
hvd.broadcast_parameters(model.state_dict(), root_rank=0)
hvd.broadcast_optimizer_state(optimizer, root_rank=0)
for _ in range(args.epochs):
    for start in range(0, len(x) - 49, 50):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[start : start + 50]), y[start : start + 50]).backward()
        optimizer.step()
with torch.no_grad():
    guesses = model(tensors["x_test"].permute(0, 3, 1, 2)).argmax(1)
accuracy = (guesses == tensors["y_test"]).float().mean().item()
everyone = hvd.allgather(torch.tensor([rank])).tolist()
assert everyone == list(range(size)), everyone
checksum = sum(p.double().abs().sum().item() for p in model.parameters())
place = {"local_rank": hvd.local_rank(), "local_size": hvd.local_size(), "cross_rank": hvd.cross_rank()}
report = {"rank": rank, "size": size, "accuracy": accuracy, "checksum": checksum, **place}
print("REPORT " + json.dumps(report), flush=True)
hvd.shutdown()
