"""`make demo`: draws a data set, trains a small SSD on it, evaluates it and detects with it.

Needs no data and no download; takes a few minutes on a laptop.
"""

import dataclasses
import shutil
import time
from pathlib import Path

import keras_ssd
from keras_ssd.data import load_voc
from keras_ssd.data.drawn import draw_voc
from keras_ssd.evaluation import evaluate_voc, format_voc, predict_samples
from keras_ssd.inference import detect_to_folder
from keras_ssd.training import RECIPES, train

FOLDER = Path(__file__).parents[1] / "demo"
RECIPE = dataclasses.replace(RECIPES["finetune"], learning_rate=2e-3, batch_size=32, steps=1000)


def main():
    """The package's whole path, from a folder of images to annotated pictures."""
    start = time.monotonic()
    shutil.rmtree(FOLDER, ignore_errors=True)
    voc = draw_voc(FOLDER / "voc", num_train=2000, num_val=200)
    training, validation = load_voc(voc, "train"), load_voc(voc, "val")
    print(f"Drew {len(training)} images to train on and {len(validation)} to validate on: {voc}")

    detector = train(
        keras_ssd.SSDTiny128(len(training.class_names)),
        training.samples,
        class_names=training.class_names,
        output=FOLDER / "run",
        recipe=RECIPE,
        validation_samples=validation.samples,
        steps_per_epoch=125,
    )

    detections = predict_samples(detector, validation.samples)
    print(format_voc(evaluate_voc(detections, validation.samples, training.class_names)))
    photos = [sample.image for sample in validation.samples[:8]]
    detect_to_folder(detector, photos, FOLDER / "pictures", confidence_threshold=0.4)
    minutes = (time.monotonic() - start) / 60
    print(f"{minutes:.1f} minutes. Detections in unseen images: {FOLDER / 'pictures'}")


if __name__ == "__main__":
    main()
