"""Which numbers are picked from a log, and that pieces and rests of lines do not matter."""

from __future__ import annotations

import json
import math

import pytest

from trainshed.agent.metrics import LINES_PER_PIECE, Picker


def picked(text: str) -> list[tuple[str, float]]:
    return [(m.name, m.value) for m in Picker({}).feed(text.encode(), end=True)]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("loss: 0.5", [("loss", 0.5)]),
        ("Epoch 3/10", [("epoch", 3)]),
        (
            "INFO:tensorflow:step: 0(global step: 7)\tsample/sec: 15.875\tloss: 7.753\taccuracy: 0.000",
            [("step", 0), ("global_step", 7), ("sample_sec", 15.875), ("loss", 7.753), ("accuracy", 0)],
        ),
        (
            "32/32 [==] - 0s 3ms/step - loss: 0.12 - accuracy: 0.98 - val_loss: 0.2 - val_accuracy: 0.95",
            [("loss", 0.12), ("accuracy", 0.98), ("val_loss", 0.2), ("val_accuracy", 0.95)],
        ),
        ("epoch: 1 step: 1875, loss is 0.0123", [("epoch", 1), ("step", 1875), ("loss", 0.0123)]),
        ("{'loss': 0.5, 'learning_rate': 5e-05}", [("loss", 0.5), ("learning_rate", 5e-05)]),
        ("Accuracy: 9836/10000 (98%)", [("accuracy", 0.9836)]),
        ("\x1b[32mval loss: 0.25\x1b[0m", [("val_loss", 0.25)]),
        ("10%|# loss=0.9\r20%|## loss=0.8", [("loss", 0.8)]),
        ("loading step1.ckpt of lossless", []),
        ("errors: 3", []),
    ],
)
def test_usual_lines(line: str, found: list[tuple[str, float]]) -> None:
    assert picked(line + "\n") == found


def test_no_number_is_a_number_too() -> None:
    assert math.isnan(picked("loss: nan\n")[0][1])


def test_regexes_of_the_job_go_before_the_usual() -> None:
    picker = Picker({"loss": r"^total=(\d+)", "rate": r"rate ([\d.]+)"})
    found = picker.feed(b"loss: 9\ntotal=4\nrate 2.5 acc: 1\n")
    assert [(m.name, m.step, m.value) for m in found] == [("loss", 0, 4), ("rate", 0, 2.5), ("acc", 0, 1)]


def test_pieces_do_not_matter() -> None:
    text = b"".join(b"step %d loss: %f\n" % (i, i / 7) for i in range(500))
    whole = [(m.seq, m.name, m.step, m.value) for m in Picker({}).feed(text)]
    picker, found, state = Picker({}), [], {}
    for size in (1, 7, 100, 33, 4096, 10**6):
        picker = Picker({}, json.loads(json.dumps(state))) if state else picker
        found += picker.feed(text[picker.offset : picker.offset + size])
        state = picker.state()
    assert [(m.seq, m.name, m.step, m.value) for m in found] == whole
    assert picker.offset == len(text)


def test_much_is_bounded() -> None:
    found = Picker({}).feed(b"loss: 1\n" * (3 * LINES_PER_PIECE))
    assert len(found) == LINES_PER_PIECE
