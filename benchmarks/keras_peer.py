"""The network of `hearlog.model.network` in Keras on TensorFlow, as its users would write it; run by `benchmarks.peer`.

Trained and run in graph mode by Keras' own loops, from float32 arrays in memory, channels last. The gate follows the
max-pooling, as in hearlog: equal, and faster in Keras, too.
"""

from __future__ import annotations

import os
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from benchmarks.peer import serve

POOLS = ((4, 5), (3, 4), (2, 4), (2, 4), None)
models: dict[str, keras.Model] = {}
weighted: dict[str, list[keras.Layer]] = {}  # in the order of hearlog's


def build(name: str, channels: int, factors: int, shape: list[int], precision: str, jit: bool) -> int:
    """Make a network, in ``float32`` or ``mixed_bfloat16``; return the number of its trained parameters."""
    keras.config.set_dtype_policy(precision)
    keras.utils.set_random_seed(0)
    made = weighted[name] = []

    def keep(layer: keras.Layer) -> keras.Layer:
        made.append(layer)
        return layer

    inputs = maps = keras.Input((*shape, 1))
    for pool in POOLS:
        for _ in range(2):
            maps = layers.ReLU()(keep(layers.BatchNormalization(momentum=0.9, epsilon=1e-5))(maps))
            maps = keep(layers.Conv2D(channels, 3, padding="same"))(maps)
        means = layers.GlobalAveragePooling2D()(maps)
        hidden = keep(layers.Dense(channels // 8, "relu"))(means)
        gates = keep(layers.Dense(channels, "sigmoid"))(hidden)
        if pool:
            maps = layers.Multiply()([layers.MaxPooling2D(pool)(maps), layers.Reshape((1, 1, channels))(gates)])
        else:
            maps = layers.Multiply()([means, gates])
    model = keras.Model(inputs, keep(layers.Dense(factors, dtype="float32"))(maps))
    model.compile(keras.optimizers.Adam(0.001), error_and_cosine, jit_compile=jit)
    models[name] = model
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def error_and_cosine(truth: tf.Tensor, predicted: tf.Tensor) -> tf.Tensor:
    """Mean squared error plus cosine proximity, a clip."""
    cosine = tf.reduce_sum(tf.math.l2_normalize(truth, -1) * tf.math.l2_normalize(predicted, -1), -1)
    return tf.reduce_mean(tf.square(truth - predicted), -1) + 1 - cosine


def copy_weights(name: str, path: str) -> None:
    """Take the weights of hearlog's network, arrays in the order of its layers."""
    with np.load(path) as file:
        arrays = [file[key] for key in sorted(file)]
    for layer in weighted[name]:
        own, arrays = arrays[: len(layer.weights)], arrays[len(layer.weights) :]
        layer.set_weights([in_layout_of_keras(array) for array in own])
    assert not arrays


def in_layout_of_keras(array: np.ndarray) -> np.ndarray:
    """Move the output and input channels of a kernel from the first two axes to the last, inputs before outputs."""
    return array.transpose(*range(2, array.ndim), 1, 0) if array.ndim > 1 else array


def forget() -> None:
    """Free the networks."""
    models.clear()
    weighted.clear()
    keras.backend.clear_session()


def train(name: str, mels: str, batch: int, steps: int) -> float:
    """Train for one epoch; return the seconds between the ends of its first and last step."""
    inputs = np.load(mels)[: batch * steps, ..., None].astype(np.float32)
    targets = np.random.default_rng(0).normal(size=(len(inputs), models[name].output_shape[1])).astype(np.float32)
    ends: list[float] = []
    clock = keras.callbacks.LambdaCallback(on_train_batch_end=lambda step, logs: ends.append(time.perf_counter()))
    models[name].fit(inputs, targets, batch, callbacks=[clock], verbose=0)
    return ends[-1] - ends[0]


def predict(name: str, mels: str, batch: int, clips: int, out: str | None = None) -> float:
    """Run the network; return the seconds, and write its outputs if asked to."""
    inputs = np.load(mels)[:clips, ..., None].astype(np.float32)
    begin = time.perf_counter()
    outputs = models[name].predict(inputs, batch, verbose=0)
    seconds = time.perf_counter() - begin
    if out:
        np.save(out, outputs)
    return seconds


if __name__ == "__main__":
    tasks = [build, copy_weights, forget, train, predict]
    serve({task.__name__: task for task in tasks}, ["tensorflow-cpu", "keras"])
