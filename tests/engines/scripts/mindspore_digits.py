"""A small network on the digits with MindSpore 1.3 or 2 on the CPU; MPI averages the gradients.

Without mpi4py, or alone, the rank comes from RANK_ID and RANK_SIZE, and each rank learns from its
own share (MindSpore's own collectives need the chip).
"""

import argparse
import json
import os

import mindspore as ms
import numpy as np
from mindspore import Tensor, context, nn, ops

parser = argparse.ArgumentParser()
parser.add_argument("--data_url", required=True)
parser.add_argument("--epochs", type=int, default=8)
args = parser.parse_args()

rank, size, world = int(os.environ.get("RANK_ID", "0")), int(os.environ.get("RANK_SIZE", "1")), None
if "RANK_TABLE_FILE" not in os.environ:
    from mpi4py import MPI

    world = MPI.COMM_WORLD
    rank, size = world.Get_rank(), world.Get_size()

ms.set_seed(1)
context.set_context(mode=context.PYNATIVE_MODE, device_target="CPU")
data = np.load(os.path.join(args.data_url, "digits.npz"))
x = data["x_train"].reshape(-1, 64)[rank::size]
y = data["y_train"][rank::size].astype("int32")
network = nn.SequentialCell([nn.Dense(64, 64), nn.ReLU(), nn.Dense(64, 10)])
loss_of = nn.SoftmaxCrossEntropyWithLogits(sparse=True, reduction="mean")
parameters = list(network.trainable_params())
for parameter in parameters:
    random = np.random.RandomState(len(parameter.shape))
    parameter.set_data(Tensor(random.normal(0, 0.1, parameter.shape).astype("float32")))
with_loss = nn.WithLossCell(network, loss_of)
gradients_of = ops.GradOperation(get_by_list=True)(with_loss, ms.ParameterTuple(parameters))

for _ in range(args.epochs):
    for start in range(0, len(x) - 49, 50):
        gradients = gradients_of(Tensor(x[start : start + 50]), Tensor(y[start : start + 50]))
        for parameter, gradient in zip(parameters, gradients):  # noqa: B905
            mine = gradient.asnumpy()
            if world is not None:
                total = np.empty_like(mine)
                world.Allreduce(np.ascontiguousarray(mine), total)
                mine = total / size
            parameter.set_data(Tensor(parameter.asnumpy() - 0.5 * mine))

guesses = network(Tensor(data["x_test"].reshape(-1, 64))).asnumpy().argmax(axis=1)
accuracy = float((guesses == data["y_test"]).mean())
report = {"rank": rank, "size": size, "accuracy": accuracy, "version": ms.__version__}
if world is not None:
    report["checksum"] = float(sum(np.abs(p.asnumpy()).sum() for p in parameters))
else:
    with open(os.environ["RANK_TABLE_FILE"]) as file:
        report["table"] = json.load(file)
    report["device"] = os.environ["DEVICE_ID"]
print("REPORT " + json.dumps(report), flush=True)
