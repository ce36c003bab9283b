"""Makes the README's pictures, detected.jpg and tracked.webp, beside this file.

python docs/images/make_readme_pictures.py
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "examples"
MODEL = ("--model", "ssd_mobilenet_320_voc")


def _keras_ssd(folder, *arguments):
    subprocess.run([sys.executable, "-m", "keras_ssd.cli", *arguments], cwd=folder, check=True)


def _frames(film):
    capture = cv2.VideoCapture(str(film))
    while (found := capture.read())[0]:
        yield found[1]


def main() -> None:
    """Detects in the photos of `examples`, tracks in the film of `examples`, and joins both."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos = EXAMPLES / "photos"
        _keras_ssd(folder, "detect", str(photos), *MODEL, "--confidence", "0.5", "--output", "out")
        pictures = [cv2.imread(str(path)) for path in sorted((folder / "out").glob("*.jpg"))]
        pictures = [cv2.resize(p, (round(p.shape[1] * 320 / len(p)), 320)) for p in pictures]
        cv2.imwrite(str(HERE / "detected.jpg"), np.hstack(pictures))

        script = str(EXAMPLES / "make_film.py")
        subprocess.run([sys.executable, script, "film.mp4"], cwd=folder, check=True)
        classes = ("--classes", "person", "cat")
        _keras_ssd(folder, "track", "film.mp4", *MODEL, *classes, "--output", "tracked")
        frames = [cv2.resize(f, (400, 225)) for f in _frames(folder / "tracked" / "film.mp4")]
        pictures = [Image.fromarray(cv2.cvtColor(f, cv2.COLOR_BGR2RGB)) for f in frames[::2]]
        first, *others = pictures
        first.save(
            HERE / "tracked.webp",
            save_all=True,
            append_images=others,
            duration=80,  # milliseconds
            loop=0,
            quality=45,
        )


if __name__ == "__main__":
    main()
