"""Trains on several processes, on one node or on more, with DistributedDataParallel.

trainshed run examples/ddp/train.py --engine pytorch --nodes 2 --output train_url=./out -- --steps 50
"""

import argparse
import os

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--train_url", required=True)
    parser.add_argument("--steps", type=int, default=50)
    args = parser.parse_args()

    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    rank, world = dist.get_rank(), dist.get_world_size()
    device = torch.device("cpu")
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    print(f"rank {rank} of {world} on {os.uname().nodename}, {device}", flush=True)

    torch.manual_seed(0)
    truth = torch.randn(16, 1, device=device)
    model = DistributedDataParallel(nn.Linear(16, 1, bias=False).to(device))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    data = torch.Generator().manual_seed(rank + 1)
    for step in range(1, args.steps + 1):
        inputs = torch.randn(64, 16, generator=data).to(device)
        loss = nn.functional.mse_loss(model(inputs), inputs @ truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if rank == 0 and step % 10 == 0:
            print(f"step {step} loss={loss.item():.6f}", flush=True)

    if rank == 0:
        torch.save(model.module.state_dict(), os.path.join(args.train_url, "model.pt"))
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
