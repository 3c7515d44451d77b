"""Tells handwritten digits apart, and touches files and buckets only through moxing.

Nothing but the standard library and moxing, on Python 3.6 and later. The data are images as
``examples/digits/prepare.py`` writes them. Started again with the same output, it goes on where
it was.

    python train.py --data_url=obs://bucket/digits/ --train_url=obs://bucket/out/ --epochs=5
"""

import argparse
import json
import math
import os
import random

import moxing as mox

CACHE = os.environ.get("DLS_LOCAL_CACHE_PATH", "/cache")
CLASSES = 10


def read_images(folder):
    """``(pixels, digit)`` of each image under ``folder``; pixels are from 0 to 1."""
    images = []
    for path in sorted(mox.file.glob(os.path.join(folder, "*", "*.pgm"))):
        with mox.file.File(path, "rb") as f:
            if f.readline().split()[0] != b"P5":
                raise ValueError(path + " is no image")
            pixels = [value / 16.0 for value in f.read()]
        images.append(([*pixels, 1.0], int(os.path.basename(os.path.dirname(path)))))
    return images


def probabilities(weights, pixels):
    """How likely each digit is."""
    scores = [sum(w * p for w, p in zip(row, pixels)) for row in weights]
    powers = [math.exp(score - max(scores)) for score in scores]
    return [power / sum(powers) for power in powers]


def train_epoch(weights, images, rate):
    """One pass of gradient descent; the mean loss."""
    random.shuffle(images)
    loss = 0.0
    for pixels, digit in images:
        found = probabilities(weights, pixels)
        loss -= math.log(max(found[digit], 1e-12))
        for i, row in enumerate(weights):
            step = rate * (found[i] - (i == digit))
            if abs(step) > 1e-4:
                for j, p in enumerate(pixels):
                    row[j] -= step * p
    return loss / len(images)


def accuracy(weights, images):
    """Share of images that are told right."""
    right = 0
    for pixels, digit in images:
        found = probabilities(weights, pixels)
        right += found.index(max(found)) == digit
    return right / len(images)


def main():
    """Copy the data in, train, and leave a checkpoint, a log and metrics in the bucket."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data_url", required=True)
    parser.add_argument("--train_url", required=True)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--lr", type=float, default=0.05)
    args, _ = parser.parse_known_args()

    local = os.path.join(CACHE, "digits")
    report = mox.file.copy_parallel(args.data_url, local)
    print(f"copied {report.files} files, {report.bytes} bytes")
    train, test = read_images(os.path.join(local, "train")), read_images(os.path.join(local, "test"))
    if not train or not test:
        raise SystemExit(f"no images in {args.data_url}; write some with examples/digits/prepare.py")

    random.seed(0)
    checkpoint = os.path.join(args.train_url, "checkpoint.json")
    state = {"epoch": 0, "weights": [[0.0] * len(train[0][0]) for _ in range(CLASSES)]}
    if mox.file.exists(checkpoint):
        state = json.loads(mox.file.read(checkpoint))
        print(f"going on after epoch {state['epoch']}")

    mox.file.make_dirs(args.train_url)
    with mox.file.File(os.path.join(args.train_url, "train.log"), "a") as log:
        for epoch in range(state["epoch"], args.epochs):
            loss = train_epoch(state["weights"], train, args.lr)
            line = f"epoch {epoch + 1} loss {loss:.4f} accuracy {accuracy(state['weights'], test):.4f}"
            print(line, flush=True)
            log.write(line + "\n")
            log.flush()
            state["epoch"] = epoch + 1
            mox.file.write(checkpoint, json.dumps(state))

    results = os.path.join(CACHE, "results")
    mox.file.make_dirs(results)
    with mox.file.File(os.path.join(results, "metric.json"), "w") as f:
        json.dump({"accuracy": accuracy(state["weights"], test)}, f)
    mox.file.copy_parallel(results, args.train_url)
    print(f"in {args.train_url}: {', '.join(mox.file.list_directory(args.train_url))}")


if __name__ == "__main__":
    main()
