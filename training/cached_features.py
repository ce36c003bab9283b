"""Trains the last layers of an SSD300 on features that are computed once, for CPUs.

python training/cached_features.py START.keras RUN --data VOCdevkit --image-set trainval
    --exclude training/holdback.txt --validation-set training/holdback.txt

What the layers up to one of the backbone give for an image does not change while they are frozen.
So the script augments each image a few times, runs these layers on it with OpenVINO, and keeps the
features in RUN/features, 8 bits a value (740 KB an image). Then it trains the layers after them on
the features, measures mAP with the whole detector after every --evaluate-every steps, and saves it
as RUN/last.keras. The first pass over the images only flips them, and the others have the paper's
augmentation. A default box learns an object from an IoU of 0.4 on, as with `--recipe modern`.

If it is called again with the same arguments, it goes on where it was stopped, to within 400 images
or --evaluate-every steps; the order of the batches then begins anew.
"""

import argparse
import json
from pathlib import Path

import keras
import numpy as np
import openvino
import tensorflow as tf

import keras_ssd
from keras_ssd.config import SSDConfig
from keras_ssd.data import AnnotatedImages, training_dataset
from keras_ssd.detector import Detector, open_detector
from keras_ssd.evaluation import evaluate_map
from keras_ssd.files import replace_file, write_text
from keras_ssd.losses import HardNegativeCrossentropy, SmoothL1
from keras_ssd.training import Recipe

COMPUTED_AT_ONCE = 8  # images


class CachedFeatures:
    """The features and the targets of augmented images, in a folder.

    Features are not negative, as they come from a ReLU. A feature x of a channel with the largest
    value p is kept as the whole number that is nearest to 255 * sqrt(x / p).

    Args:
        folder: the folder.
        frozen: the model from images to features.
        config: the SSDConfig of the SSD.
        num_images: the number of augmented images.
    """

    def __init__(self, folder: Path, frozen: keras.Model, config: SSDConfig, num_images: int):
        self.folder, self.frozen, self.num_images = folder, frozen, num_images
        folder.mkdir(parents=True, exist_ok=True)
        shapes = {
            "features": (np.uint8, frozen.output.shape[1:]),
            "classes": (np.int8, (config.num_default_boxes,)),
            "offsets": (np.float16, (config.num_default_boxes, 4)),
        }
        self._arrays = {
            name: np.memmap(
                folder / name,
                dtype,
                "r+" if (folder / name).exists() else "w+",
                shape=(num_images, *shape),
            )
            for name, (dtype, shape) in shapes.items()
        }
        self._progress = folder / "progress.json"

    def compute(self, data: AnnotatedImages, ssd: keras_ssd.SSD, seed: int) -> None:
        """Computes the features that are missing."""
        done, peaks = self._read_progress()
        if done >= self.num_images:
            return
        run = _in_openvino(self.frozen, self.folder / "frozen.xml")
        for images, targets in self._images(data, ssd, seed, done // COMPUTED_AT_ONCE):
            features = run(images)
            if peaks is None:
                peaks = np.maximum(1.5 * features.max((0, 1, 2)), 0.05 * features.max())
            rows = slice(done, min(done + COMPUTED_AT_ONCE, self.num_images))
            count = rows.stop - done
            codes = np.rint(255 * np.sqrt(np.minimum(features[:count] / peaks, 1)))
            self._arrays["features"][rows] = codes
            self._arrays["classes"][rows] = targets["classes"][:count]
            self._arrays["offsets"][rows] = targets["offsets"][:count, :, :4]
            done = rows.stop
            if done % 400 == 0 or done == self.num_images:
                text = json.dumps({"done": done, "peaks": peaks.tolist()})
                write_text(self._progress, text)
                print(f"features of {done} of {self.num_images} augmented images", flush=True)
            if done == self.num_images:
                return

    def _images(self, data, ssd, seed, start_batch):
        """Yields batches of images with their targets, from a batch on."""
        only_flipped = len(data) // COMPUTED_AT_ONCE  # batches
        options = {"batch_size": COMPUTED_AT_ONCE, "seed": seed, "matching_iou": 0.4}
        if start_batch < only_flipped:
            flip = keras.layers.RandomFlip("horizontal", bounding_box_format="xyxy")
            flipped = training_dataset(
                data, ssd, augmentation=flip, start_batch=start_batch, **options
            )
            yield from flipped.take(only_flipped - start_batch).as_numpy_iterator()
            start_batch = only_flipped
        augmented = training_dataset(data, ssd, start_batch=start_batch, **options)
        yield from augmented.as_numpy_iterator()

    def batches(self, batch_size: int, seed: int) -> tf.data.Dataset:
        """Returns endless batches of (features, targets) in an order that depends on the seed."""
        _, peaks = self._read_progress()
        per_epoch = self.num_images // batch_size

        def read(number):
            order = np.random.default_rng((seed, number // per_epoch)).permutation(self.num_images)
            first = number % per_epoch * batch_size
            rows = np.sort(order[first : first + batch_size])
            return [array[rows] for array in self._arrays.values()]

        def batch(number):
            types = [tf.uint8, tf.int8, tf.float16]
            features, classes, offsets = tf.numpy_function(read, [number], types)
            for tensor, array in zip(
                (features, classes, offsets), self._arrays.values(), strict=True
            ):
                tensor.set_shape((batch_size, *array.shape[1:]))
            flags = tf.cast(classes > 0, tf.float32)[..., None]
            return (tf.cast(features, tf.float32) / 255) ** 2 * np.float32(peaks), {
                "classes": tf.cast(classes, tf.int32),
                "offsets": tf.concat([tf.cast(offsets, tf.float32), flags], axis=-1),
            }

        numbers = tf.data.Dataset.range(np.iinfo(np.int64).max)
        return numbers.map(batch, num_parallel_calls=1).prefetch(2)

    def _read_progress(self):
        if not self._progress.exists():
            return 0, None
        progress = json.loads(self._progress.read_text())
        return progress["done"], np.asarray(progress["peaks"])


def _in_openvino(model: keras.Model, path: Path):
    """Returns a function that computes a model's output with OpenVINO, in bfloat16 if it can."""
    model.export(str(path), format="openvino", verbose=False)
    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "bf16"})
    return lambda images: compiled(images)[0]


class Measure(keras.callbacks.Callback):
    """Measures mAP with the whole detector after each epoch, and saves the detector.

    Args:
        detector: the detector, whose last layers are trained.
        validation: the images to measure on.
        run: the folder of the run.
    """

    def __init__(self, detector: Detector, validation: AnnotatedImages, run: Path):
        super().__init__()
        self.detector, self.validation, self.run = detector, validation, run

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        score = evaluate_map(self.detector, self.validation).voc.map_11_point
        print(f"epoch {epoch}: mAP {score:.4f}", flush=True)
        with (self.run / "log.csv").open("a") as log:
            figures = ",".join(f"{name}={value:.4f}" for name, value in (logs or {}).items())
            log.write(f"{epoch},{score:.4f},{figures}\n")
        replace_file(self.run / "last.keras", self.detector.save)


def main() -> None:
    """Runs the command; wrong arguments lead to its usage."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("start", type=Path, metavar="START.keras", help="the SSD300 to train")
    add("run", type=Path, metavar="RUN", help="the folder of the run")
    add("--data", nargs="+", required=True, help="as in keras-ssd train")
    add("--image-set", default="trainval")
    add("--exclude", required=True, type=Path, help="ids of images not to train on, one a line")
    add("--validation-set", required=True, help="images to measure mAP on")
    add("--freeze", default="block4_conv3", help="the last frozen layer")
    add("--images", type=int, default=16_000, help="augmented images to compute features of")
    add("--steps", type=int, default=4000)
    add("--evaluate-every", type=int, default=500, metavar="STEPS")
    add("--batch-size", type=int, default=16)
    add("--learning-rate", type=float, default=4e-4)
    add("--seed", type=int, default=0)
    options = parser.parse_args()

    keras.config.set_dtype_policy("mixed_bfloat16")
    keras.utils.set_random_seed(options.seed)
    detector = open_detector(options.start).with_dtype("mixed_bfloat16")
    ssd, names = detector.ssd, detector.class_names
    data = keras_ssd.data.load(
        options.data, options.image_set, class_names=names, exclude=options.exclude
    )
    validation = keras_ssd.data.load(options.data, options.validation_set, class_names=names)

    exact = detector.with_dtype("float32").ssd  # OpenVINO reads no layers of mixed precision
    frozen = keras.Model(exact.input, exact.get_layer(options.freeze).output)
    trained = keras.Model(ssd.get_layer(options.freeze).output, ssd.output)
    cache = CachedFeatures(options.run / "features", frozen, ssd.config, options.images)
    cache.compute(data, ssd, options.seed)

    recipe = Recipe(
        learning_rate=options.learning_rate,
        batch_size=options.batch_size,
        steps=options.steps,
        average_over=None,
    )
    trained.compile(
        recipe.build_optimizer(), {"offsets": SmoothL1(), "classes": HardNegativeCrossentropy()}
    )
    backup = keras.callbacks.BackupAndRestore(options.run / "backup")
    trained.fit(
        cache.batches(options.batch_size, options.seed),
        epochs=-(-options.steps // options.evaluate_every),
        steps_per_epoch=options.evaluate_every,
        callbacks=[Measure(detector, validation, options.run), backup],
        verbose=2,
    )


if __name__ == "__main__":
    main()
