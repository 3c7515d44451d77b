"""Learns the digits with whatever framework --with names: one process, no distribution."""

import argparse
import json
import os

import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("--data_url", required=True)
parser.add_argument("--with", dest="framework", required=True)
args = parser.parse_args()

data = np.load(os.path.join(args.data_url, "digits.npz"))
x, y = data["x_train"].reshape(-1, 64), data["y_train"]
x_test, y_test = data["x_test"].reshape(-1, 64), data["y_test"]


def with_xgboost():
    import sklearn.metrics
    import xgboost

    model = xgboost.XGBClassifier(n_estimators=40, max_depth=4, n_jobs=2).fit(x, y)
    return sklearn.metrics.accuracy_score(y_test, model.predict(x_test)), xgboost.__version__


def with_lightgbm():
    import lightgbm

    model = lightgbm.LGBMClassifier(n_estimators=40, n_jobs=2, verbose=-1).fit(x, y)
    return (model.predict(x_test) == y_test).mean(), lightgbm.__version__


def with_mxnet():
    import mxnet as mx
    from mxnet import autograd, gluon

    mx.random.seed(1)
    network = gluon.nn.Sequential()
    network.add(gluon.nn.Dense(64, activation="relu"), gluon.nn.Dense(10))
    network.initialize(mx.init.Xavier())
    trainer = gluon.Trainer(network.collect_params(), "adam", {"learning_rate": 0.005})
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    for _ in range(8):
        for start in range(0, len(x), 50):
            rows, labels = mx.nd.array(x[start : start + 50]), mx.nd.array(y[start : start + 50])
            with autograd.record():
                loss = loss_of(network(rows), labels)
            loss.backward()
            trainer.step(len(rows))
    return (network(mx.nd.array(x_test)).argmax(axis=1).asnumpy() == y_test).mean(), mx.__version__


def with_jax():
    import jax
    import jax.numpy as jnp
    import optax

    keys = jax.random.split(jax.random.key(1), 2)
    weights = {
        "a": jax.random.normal(keys[0], (64, 64)) * 0.1,
        "b": jax.random.normal(keys[1], (64, 10)) * 0.1,
    }
    optimizer = optax.adam(0.005)

    def logits(weights, rows):
        return jax.nn.relu(rows @ weights["a"]) @ weights["b"]

    @jax.jit
    def step(weights, state, rows, labels):
        def loss(weights):
            return optax.softmax_cross_entropy_with_integer_labels(logits(weights, rows), labels).mean()

        updates, state = optimizer.update(jax.grad(loss)(weights), state)
        return optax.apply_updates(weights, updates), state

    state = optimizer.init(weights)
    for _ in range(8):
        for start in range(0, len(x), 50):
            weights, state = step(weights, state, x[start : start + 50], y[start : start + 50])
    return (jnp.argmax(logits(weights, x_test), axis=1) == y_test).mean(), jax.__version__


def with_keras():
    import keras

    assert keras.backend.backend() == os.environ["KERAS_BACKEND"]
    keras.utils.set_random_seed(1)
    layers = [keras.layers.Input((64,)), keras.layers.Dense(64, activation="relu"), keras.layers.Dense(10)]
    model = keras.Sequential(layers)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.005), loss=loss, metrics=["accuracy"])
    model.fit(x, y, epochs=8, batch_size=50, verbose=2)
    return (model.predict(x_test, verbose=0).argmax(axis=1) == y_test).mean(), keras.__version__


accuracy, version = globals()["with_" + args.framework]()
print(
    "REPORT " + json.dumps({"rank": 0, "size": 1, "accuracy": float(accuracy), "version": version}),
    flush=True,
)
