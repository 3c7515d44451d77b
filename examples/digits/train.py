"""Trains a small convolutional network on handwritten digits.

An ordinary training script, as people write them for ModelArts: it is told where its data is and
where its results go, and knows nothing else of where it runs.
"""

import argparse
import glob
import json
import os
import time

import torch
from torch import nn


def read_split(folder):
    """All images of a split as (N, 1, 8, 8) floats in 0..1, and their digits as (N,) integers."""
    images, digits = [], []
    for path in sorted(glob.glob(os.path.join(folder, "*", "*.pgm"))):
        with open(path, "rb") as opened:
            header, pixels = opened.readline(), bytearray(opened.read())
        width, height, levels = (int(word) for word in header.split()[1:4])
        images.append(torch.tensor(list(pixels), dtype=torch.float32).view(1, height, width) / levels)
        digits.append(int(os.path.basename(os.path.dirname(path))))
    if not images:
        raise SystemExit(f"no images in {folder}")
    return torch.stack(images), torch.tensor(digits)


def build_model():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 4 * 4, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )


def accuracy_of(model, images, digits):
    model.eval()
    with torch.no_grad():
        return (model(images).argmax(1) == digits).float().mean().item()


def train_epoch(model, optimizer, images, digits, batch_size):
    model.train()
    total = 0.0
    for batch in torch.randperm(len(images)).split(batch_size):
        loss = nn.functional.cross_entropy(model(images[batch]), digits[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch)
    return total / len(images)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data_url", required=True, help="folder with train/ and test/")
    parser.add_argument("--train_url", required=True, help="folder for the model")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--lr", type=float, default=0.003)
    parser.add_argument("--batch_size", type=int, default=64)
    args = parser.parse_args()

    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    images, digits = (part.to(device) for part in read_split(os.path.join(args.data_url, "train")))
    test_images, test_digits = (part.to(device) for part in read_split(os.path.join(args.data_url, "test")))
    print(f"{len(images)} images to train on, {len(test_images)} to test with, on {device}", flush=True)

    model = build_model().to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs)
    history, started = [], time.time()
    for epoch in range(1, args.epochs + 1):
        loss = train_epoch(model, optimizer, images, digits, args.batch_size)
        schedule.step()
        accuracy = accuracy_of(model, test_images, test_digits)
        history.append({"epoch": epoch, "loss": loss, "accuracy": accuracy})
        print(f"epoch {epoch}/{args.epochs} loss={loss:.4f} accuracy={accuracy:.4f}", flush=True)

    os.makedirs(args.train_url, exist_ok=True)
    torch.save(model.state_dict(), os.path.join(args.train_url, "model.pt"))
    result = {"accuracy": history[-1]["accuracy"], "seconds": time.time() - started, "history": history}
    with open(os.path.join(args.train_url, "metrics.json"), "w") as opened:
        json.dump(result, opened, indent=2)
    print(f"test accuracy {result['accuracy']:.4f} after {result['seconds']:.1f} s")


if __name__ == "__main__":
    main()
