"""Makes a film of 4 seconds from the photos beside it, to try video commands without a camera.

python examples/make_film.py film.mp4
"""

import sys
from pathlib import Path

import cv2
import numpy as np

HEIGHT, WIDTH, FRAMES_PER_SECOND, SECONDS = 360, 640, 25, 4


def main(path: str) -> None:
    """Writes a film in which a camera moves over the photos, from left to right and back."""
    photos = [
        cv2.imread(str(photo)) for photo in sorted(Path(__file__).parent.glob("photos/*.jpg"))
    ]
    scale = [HEIGHT / len(photo) for photo in photos]
    scene = np.hstack([cv2.resize(p, None, fx=s, fy=s) for p, s in zip(photos, scale, strict=True)])
    frames = FRAMES_PER_SECOND * SECONDS
    film = cv2.VideoWriter(
        path, cv2.VideoWriter.fourcc(*"mp4v"), FRAMES_PER_SECOND, (WIDTH, HEIGHT)
    )
    for frame in range(frames):
        share = (1 - np.cos(2 * np.pi * frame / frames)) / 2  # of the way to the right end
        left = round(share * (scene.shape[1] - WIDTH))
        film.write(scene[:, left : left + WIDTH])
    film.release()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
