"""Trains a small CNN on the digits with Keras; MultiWorkerMirroredStrategy where TF_CONFIG says so.

Runs on TensorFlow 2.1 and on today's (with Keras 2, ``tf_keras``, for several workers).
"""

import argparse
import contextlib
import json
import os

import numpy as np
import tensorflow as tf

parser = argparse.ArgumentParser()
parser.add_argument("--data_url", required=True)
parser.add_argument("--epochs", type=int, default=8)
args = parser.parse_args()

config = json.loads(os.environ.get("TF_CONFIG", "{}"))
workers = len(config.get("cluster", {}).get("worker", [])) or 1
index = config.get("task", {}).get("index", 0)
scope = contextlib.ExitStack()
if workers > 1:
    experimental = getattr(tf.distribute.experimental, "MultiWorkerMirroredStrategy", None)
    strategy = getattr(tf.distribute, "MultiWorkerMirroredStrategy", experimental)()
    assert strategy.num_replicas_in_sync == workers, strategy.num_replicas_in_sync
    scope = strategy.scope()

data = np.load(os.path.join(args.data_url, "digits.npz"))
tf.random.set_seed(1)
with scope:
    layers = tf.keras.layers
    model = tf.keras.Sequential(
        [
            layers.Conv2D(16, 3, padding="same", activation="relu", input_shape=(8, 8, 1)),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=tf.keras.optimizers.Adam(0.004), loss=loss, metrics=["accuracy"])

batch = 64
dataset = tf.data.Dataset.from_tensor_slices((data["x_train"], data["y_train"])).shuffle(1500, seed=3)
dataset = dataset.repeat().batch(batch)
options = tf.data.Options()
if hasattr(options, "experimental_distribute"):
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    dataset = dataset.with_options(options)
model.fit(dataset, epochs=args.epochs, steps_per_epoch=1500 // batch, verbose=2)

guesses = np.argmax(
    np.concatenate([model.predict_on_batch(x) for x in np.array_split(data["x_test"], 3)]), axis=1
)
accuracy = float((guesses == data["y_test"]).mean())
checksum = float(sum(np.abs(w).sum() for w in model.get_weights()))
report = {
    "rank": index,
    "size": workers,
    "accuracy": accuracy,
    "checksum": checksum,
    "version": tf.__version__,
}
print("REPORT " + json.dumps(report), flush=True)
