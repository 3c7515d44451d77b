"""Softmax regression on the digits with parameter servers, as TensorFlow 1 scripts did it."""

import argparse
import json
import os

import numpy as np
import tensorflow.compat.v1 as tf

parser = argparse.ArgumentParser()
parser.add_argument("--data_url", required=True)
parser.add_argument("--job_name", required=True)
parser.add_argument("--task_index", type=int, required=True)
parser.add_argument("--ps_hosts", required=True)
parser.add_argument("--worker_hosts", required=True)
parser.add_argument("--steps", type=int, default=600)
args = parser.parse_args()

tf.disable_eager_execution()
assert os.environ["MA_TASK_NAME"] == args.job_name
workers = args.worker_hosts.split(",")
cluster = tf.train.ClusterSpec({"ps": args.ps_hosts.split(","), "worker": workers})
mine = ["/job:ps", "/job:worker/task:%d" % args.task_index]
server = tf.train.Server(
    cluster,
    job_name=args.job_name,
    task_index=args.task_index,
    config=tf.ConfigProto(device_filters=mine) if args.job_name == "worker" else None,
)
if args.job_name == "ps":
    server.join()

data = np.load(os.path.join(args.data_url, "digits.npz"))
x_train, y_train = data["x_train"].reshape(-1, 64), data["y_train"]
own = "/job:worker/task:%d" % args.task_index
with tf.device(tf.train.replica_device_setter(worker_device=own, cluster=cluster)):
    x = tf.placeholder(tf.float32, [None, 64])
    y = tf.placeholder(tf.int64, [None])
    weights = tf.get_variable("weights", [64, 10], initializer=tf.zeros_initializer())
    bias = tf.get_variable("bias", [10], initializer=tf.zeros_initializer())
    seen = tf.get_variable("seen", [len(workers)], initializer=tf.zeros_initializer())
    logits = tf.matmul(x, weights) + bias
    step = tf.train.get_or_create_global_step()
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
    train = tf.train.GradientDescentOptimizer(0.3).minimize(loss, global_step=step)
    present = tf.assign_add(seen, tf.one_hot(args.task_index, len(workers)))
    accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, 1), y), tf.float32))

config = tf.ConfigProto(device_filters=mine)
random = np.random.RandomState(args.task_index)
with tf.train.MonitoredTrainingSession(server.target, args.task_index == 0, config=config) as session:
    session.run(present)
    while True:
        rows = random.randint(0, len(x_train), 100)
        done, everyone = session.run([train, step, seen], {x: x_train[rows], y: y_train[rows]})[1:]
        if done >= args.steps and everyone.all():
            break
    found = session.run(accuracy, {x: data["x_test"].reshape(-1, 64), y: data["y_test"]})
report = {"rank": args.task_index, "size": len(workers), "accuracy": float(found), "version": tf.__version__}
print("REPORT " + json.dumps(report), flush=True)
