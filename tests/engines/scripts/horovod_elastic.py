"""An elastic Horovod job on PyTorch: learns the digits while its workers come and go.

The world has the sizes that ``--sizes`` lists, one after the other; the first time that it is whole its
last rank kills itself. What was learnt is the same on all at the end.
"""

import argparse
import json
import os
import signal
import time

import horovod.torch as hvd
import numpy as np
import torch

parser = argparse.ArgumentParser()
parser.add_argument("--data_url", required=True)
parser.add_argument("--sizes", required=True)
args = parser.parse_args()
plan = [int(size) for size in args.sizes.split(",")]

hvd.init()
data = np.load(os.path.join(args.data_url, "digits.npz"))
x, y = torch.from_numpy(data["x_train"].reshape(-1, 64)), torch.from_numpy(data["y_train"])
torch.manual_seed(0)
model = torch.nn.Linear(64, 10)
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
optimizer = hvd.DistributedOptimizer(optimizer, named_parameters=model.named_parameters())


@hvd.elastic.run
def train(state):
    while True:
        if not state.sizes or state.sizes[-1] != hvd.size():
            state.sizes = [*state.sizes, hvd.size()]
            state.since = state.step
            print(f"size {hvd.size()} rank {hvd.rank()} at step {state.step}", flush=True)
        if state.sizes == plan and state.step >= max(200, state.since + 20):
            return
        share = slice(hvd.rank(), None, hvd.size())
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x[share]), y[share]).backward()
        if state.sizes == [plan[0]] and state.step == 20 and hvd.rank() == plan[0] - 1:
            os.kill(os.getpid(), signal.SIGKILL)
        optimizer.step()
        state.step += 1
        state.commit()
        time.sleep(0.01)


state = hvd.elastic.TorchState(model=model, optimizer=optimizer, step=0, since=0, sizes=[])
train(state)
right = model(torch.from_numpy(data["x_test"].reshape(-1, 64))).argmax(dim=1).numpy() == data["y_test"]
checksum = float(sum(p.abs().sum() for p in model.parameters()))
print(
    "REPORT "
    + json.dumps(
        {"rank": hvd.rank(), "accuracy": float(right.mean()), "checksum": checksum, "step": state.step}
    ),
    flush=True,
)
