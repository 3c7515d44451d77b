"""Writes scikit-learn's handwritten digits as image files, one folder a split and a digit.

    python prepare.py DIR

Makes ``DIR/train/<digit>/<number>.pgm`` and ``DIR/test/<digit>/<number>.pgm``: 1,797 images of
8 × 8 pixels, 17 grey levels. Needs scikit-learn; the images are part of that package.
"""

import os
import sys

from sklearn.datasets import load_digits


def write_pgm(path, image):
    """One image in the plain grey format that every viewer knows."""
    height, width = image.shape
    with open(path, "wb") as opened:
        opened.write(b"P5 %d %d 16\n" % (width, height) + image.astype("uint8").tobytes())


def main(folder):
    digits = load_digits()
    for number, (image, digit) in enumerate(zip(digits.images, digits.target, strict=True)):
        split = "test" if number % 5 == 0 else "train"
        target = os.path.join(folder, split, str(digit))
        os.makedirs(target, exist_ok=True)
        write_pgm(os.path.join(target, f"{number:04d}.pgm"), image)
    print(f"{len(digits.images)} images in {folder}")


if __name__ == "__main__":
    main(sys.argv[1])
