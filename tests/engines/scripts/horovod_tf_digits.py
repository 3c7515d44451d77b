"""A small network on the digits with Horovod and TensorFlow 2: DistributedGradientTape on variables."""

import argparse
import json
import os

import horovod.tensorflow as hvd
import numpy as np
import tensorflow as tf

parser = argparse.ArgumentParser()
parser.add_argument("--data_url", required=True)
parser.add_argument("--epochs", type=int, default=8)
args = parser.parse_args()

hvd.init()
rank, size = hvd.rank(), hvd.size()
tf.random.set_seed(rank)
data = np.load(os.path.join(args.data_url, "digits.npz"))
x, y = data["x_train"].reshape(-1, 64)[rank::size], data["y_train"][rank::size]
variables = [
    tf.Variable(tf.random.normal([64, 64], stddev=0.1)),
    tf.Variable(tf.zeros([64])),
    tf.Variable(tf.random.normal([64, 10], stddev=0.1)),
    tf.Variable(tf.zeros([10])),
]
hvd.broadcast_variables(variables, root_rank=0)


def network(rows):
    hidden = tf.nn.relu(tf.matmul(rows, variables[0]) + variables[1])
    return tf.matmul(hidden, variables[2]) + variables[3]


def step(rows, labels):
    with tf.GradientTape() as tape:
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=network(rows))
        loss = tf.reduce_mean(losses)
    tape = hvd.DistributedGradientTape(tape)
    for variable, gradient in zip(variables, tape.gradient(loss, variables)):  # noqa: B905
        variable.assign_sub(0.5 * gradient)


for _ in range(args.epochs):
    for start in range(0, len(x) - 49, 50):
        step(x[start : start + 50], y[start : start + 50])
guesses = np.argmax(network(data["x_test"].reshape(-1, 64)).numpy(), axis=1)
accuracy = float((guesses == data["y_test"]).mean())
everyone = hvd.allgather(tf.constant([rank])).numpy().tolist()
assert everyone == list(range(size)), everyone
checksum = float(sum(np.abs(v.numpy()).sum() for v in variables))
place = {"local_rank": hvd.local_rank(), "local_size": hvd.local_size()}
report = {"rank": rank, "size": size, "accuracy": accuracy, "checksum": checksum, **place}
print("REPORT " + json.dumps(report), flush=True)
