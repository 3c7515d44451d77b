"""Trains the same digits with TensorFlow 2 and Keras; runs on TensorFlow 2.1 and on today's."""

import argparse
import glob
import json
import os

import numpy as np
import tensorflow as tf


def read_split(folder):
    """All images of a split as (N, 8, 8, 1) floats in 0..1, and their digits as (N,) integers."""
    images, digits = [], []
    for path in sorted(glob.glob(os.path.join(folder, "*", "*.pgm"))):
        with open(path, "rb") as opened:
            header, pixels = opened.readline(), opened.read()
        width, height, levels = (int(word) for word in header.split()[1:4])
        images.append(np.frombuffer(pixels, "uint8").reshape(height, width, 1) / np.float32(levels))
        digits.append(int(os.path.basename(os.path.dirname(path))))
    if not images:
        raise SystemExit("no images in " + folder)
    return np.stack(images).astype("float32"), np.array(digits)


class PrintEpoch(tf.keras.callbacks.Callback):
    """One line an epoch, for people and for the metric regex."""

    def on_epoch_end(self, epoch, logs=None):
        loss, accuracy = logs["loss"], logs["val_accuracy"]
        print(f"epoch {epoch + 1} loss={loss:.4f} accuracy={accuracy:.4f}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data_url", required=True)
    parser.add_argument("--train_url", required=True)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--lr", type=float, default=0.003)
    args = parser.parse_args()

    tf.random.set_seed(0)
    train = read_split(os.path.join(args.data_url, "train"))
    test = read_split(os.path.join(args.data_url, "test"))
    model = tf.keras.Sequential(
        [
            tf.keras.layers.Conv2D(16, 3, padding="same", activation="relu", input_shape=(8, 8, 1)),
            tf.keras.layers.Conv2D(32, 3, padding="same", activation="relu"),
            tf.keras.layers.MaxPooling2D(),
            tf.keras.layers.Flatten(),
            tf.keras.layers.Dense(64, activation="relu"),
            tf.keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(tf.keras.optimizers.Adam(args.lr), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(
        *train, epochs=args.epochs, batch_size=64, validation_data=test, verbose=0, callbacks=[PrintEpoch()]
    )
    accuracy = float(model.evaluate(*test, verbose=0)[1])
    model.save_weights(os.path.join(args.train_url, "model.weights.h5"))
    with open(os.path.join(args.train_url, "metrics.json"), "w") as opened:
        json.dump({"accuracy": accuracy}, opened)
    print(f"test accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()
