"""TensorFlow 1.15 as a rank of an Ascend job: its own share of the digits, by RANK_ID and RANK_SIZE."""

import argparse
import json
import os

import numpy as np
import tensorflow as tf

parser = argparse.ArgumentParser()
parser.add_argument("--data_url", required=True)
parser.add_argument("--epochs", type=int, default=20)
args = parser.parse_args()

rank, size = int(os.environ["RANK_ID"]), int(os.environ["RANK_SIZE"])
with open(os.environ["RANK_TABLE_FILE"]) as file:
    table = json.load(file)
data = np.load(os.path.join(args.data_url, "digits.npz"))
tf.random.set_random_seed(1)
layers = [tf.keras.layers.Dense(64, activation="relu", input_shape=(64,)), tf.keras.layers.Dense(10)]
model = tf.keras.Sequential(layers)
loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(optimizer=tf.train.AdamOptimizer(0.005), loss=loss)
model.fit(
    data["x_train"].reshape(-1, 64)[rank::size], data["y_train"][rank::size], epochs=args.epochs, verbose=2
)
guesses = model.predict(data["x_test"].reshape(-1, 64)).argmax(axis=1)
report = {"rank": rank, "size": size, "accuracy": float((guesses == data["y_test"]).mean())}
report.update(version=tf.__version__, table=table, device=os.environ["DEVICE_ID"])
print("REPORT " + json.dumps(report), flush=True)
