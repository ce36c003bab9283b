"""A step on two devices is the step of one device on the same global batch."""

import os
import subprocess
import sys

import numpy as np
import pytest

# Two batches, of 4 and 3 images; the second does not divide evenly (JAX takes only even ones).
TRAIN = """
import os, sys
path, devices = sys.argv[1], int(sys.argv[2])
os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices}"
import contextlib
import keras
import numpy as np
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * devices)
import keras_ssd
from keras_ssd.losses import HardNegativeCrossentropy, SmoothL1
from keras_ssd.optimizers import CaffeSGD

scope = contextlib.nullcontext()
if devices == 2 and keras.config.backend() == "tensorflow":
    scope = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope()
elif devices == 2:
    keras.distribution.set_distribution(keras.distribution.DataParallel())

images = 7 if keras.config.backend() == "tensorflow" else 8
rng = np.random.default_rng(0)
share = np.linspace(0, 0.4, images)[:, None]  # of matched boxes: the images differ
classes = np.where(rng.uniform(size=(images, 30)) < share, rng.integers(1, 3, (images, 30)), 0)
offsets = 2 * rng.normal(size=(images, 30, 5))
offsets[..., 4] = classes > 0
x = rng.normal(size=(images, 30, 6))
weights = rng.uniform(0, 2, images)

with scope:
    inputs = keras.Input((30, 6))
    outputs = {
        "offsets": keras.layers.Dense(4)(inputs),
        "classes": keras.layers.Dense(3)(inputs),
    }
    model = keras.Model(inputs, outputs)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    model.compile(
        optimizer=CaffeSGD(0.01, weight_decay=0.5),
        loss={"offsets": SmoothL1(), "classes": HardNegativeCrossentropy()},
    )
data = (x.astype("float32"), {"offsets": offsets.astype("float32"), "classes": classes})
plain = tf.data.Dataset.from_tensor_slices(data).batch(4)
weighted = tf.data.Dataset.from_tensor_slices((*data, weights.astype("float32"))).batch(4)
results = {}
for name, batches in (("plain", plain), ("weighted", weighted)):
    history = model.fit(batches, epochs=2, shuffle=False, verbose=0).history
    results |= {f"{name} {key}": value for key, value in history.items()}
    losses = model.evaluate(batches, verbose=0, return_dict=True)
    results |= {f"evaluated {name} {key}": value for key, value in losses.items()}
    results |= {f"{name} {v.path}": np.array(v) for v in model.trainable_variables}
np.savez(path, **results)
"""


@pytest.mark.parametrize("backend", ["tensorflow", pytest.param("jax", marks=pytest.mark.slow)])
def test_losses_and_weights_equal_those_of_one_device(tmp_path, backend):
    results = []
    for devices in ("1", "2"):
        path = str(tmp_path / f"{devices}.npz")
        subprocess.run(
            [sys.executable, "-c", TRAIN, path, devices],
            env={**os.environ, "KERAS_BACKEND": backend},
            check=True,
        )
        results.append(dict(np.load(path)))
    one, two = results
    assert one.keys() == two.keys()
    assert len(one) == 20  # of plain and weighted training: 3 losses, 3 evaluated, 4 variables
    for name, value in one.items():
        np.testing.assert_allclose(two[name], value, rtol=1e-5, atol=1e-6, err_msg=name)
    assert one["plain loss"][0] > 1.05 * one["plain loss"][1]  # it learns: the steps are not tiny
    assert abs(one["plain loss"][0] - one["weighted loss"][0]) > 0.01
