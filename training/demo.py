"""`make demo`: detects in photos; draws a data set, trains a small SSD on it and evaluates it.

It needs no data and no download, and takes a few minutes on a laptop.
"""

import dataclasses
import shutil
import time
from pathlib import Path

import keras_ssd
from keras_ssd.data import load
from keras_ssd.data.synthetic import draw_voc
from keras_ssd.outputs.detecting import detect_to_folder
from keras_ssd.training import RECIPES, train

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "demo"
RECIPE = dataclasses.replace(RECIPES["finetune"], learning_rate=2e-3, batch_size=32, steps=1000)


def main() -> None:
    """Runs the shipped detector on photos, and trains a new detector."""
    start = time.monotonic()
    shutil.rmtree(FOLDER, ignore_errors=True)
    detect_in_photos()
    train_on_drawings()
    print(f"{(time.monotonic() - start) / 60:.1f} minutes. Pictures: {FOLDER}/photos and /pictures")


def detect_in_photos() -> None:
    """Finds the cat and the astronaut with the detector that comes with the package."""
    detector = keras_ssd.load_detector("ssd_mobilenet_320_voc")
    photos = sorted((ROOT / "examples" / "photos").glob("*.jpg"))
    detect_to_folder(
        detector, photos, FOLDER / "photos", confidence_threshold=0.4, on_image=print_detections
    )


def print_detections(found: keras_ssd.Detections, picture: Path) -> None:
    """Prints one line for each photo."""
    objects = [f"{record['label']} {record['score']:.2f}" for record in found.to_records()]
    print(f"{Path(found.image).name}: {', '.join(objects)} -> {picture}")


def train_on_drawings() -> None:
    """Draws a data set, trains a detector on it, measures it and draws its detections."""
    voc = draw_voc(FOLDER / "voc", num_train=2000, num_val=200)
    training, validation = load(voc, "train"), load(voc, "val")
    print(f"Drew {len(training)} images to train on and {len(validation)} to validate on: {voc}")

    detector = train(
        keras_ssd.SSDTiny128(len(training.class_names)),
        training,
        output=FOLDER / "run",
        recipe=RECIPE,
        validation=validation,
        steps_per_epoch=125,
    )

    detector.evaluate_map(validation, coco=False).print()
    photos = [sample.image for sample in validation[:8]]
    detect_to_folder(detector, photos, FOLDER / "pictures", confidence_threshold=0.4)


if __name__ == "__main__":
    main()
