"""The films of a run: in parts while they are written, then each as one MP4 with its sound."""

import re
from pathlib import Path

import numpy as np

from keras_ssd.video import VideoInfo, VideoWriter, frames_in_part, join_parts


class Film:
    """One film of a run.

    While it is written, it is in hidden parts beside it, such as `.cats.part1.mp4`. A killed run
    loses at most the last second of a part, and the run that goes on writes the next part.
    `finish` joins the parts.

    Args:
        folder: the folder of the run.
        name: the name of the film, without suffix.

    Attributes:
        path: the path of the finished film.
    """

    def __init__(self, folder: Path, name: str):
        self.path = folder / f"{name}.mp4"
        self._writer: VideoWriter | None = None

    def frames_written(self, limit: int) -> int:
        """Returns how many frames are there from a run that ended early.

        Parts that go beyond `limit` frames are removed.
        """
        parts = self._parts()
        if not parts and self.path.exists():  # the earlier run was interrupted, and joined them
            parts = [self._part(1)]
            self.path.rename(parts[0])
        counts = [frames_in_part(part) for part in parts]
        while counts and (not counts[-1] or sum(counts) > limit):
            counts.pop()
            parts.pop().unlink()
        return sum(counts)

    def start_anew(self) -> None:
        """Removes the film of an earlier run and its parts."""
        self._remove_parts()
        self.path.unlink(missing_ok=True)

    def write(self, image: np.ndarray, pts: int, info: VideoInfo) -> None:
        """Appends a frame; see `VideoWriter.write`. The first one opens the next part."""
        try:
            if self._writer is None:
                path = self._part(len(self._parts()) + 1)
                self._writer = VideoWriter(path, info, start_pts=info.start_pts)
            self._writer.write(image, pts)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.path)) from error

    def finish(self, *, audio_from: str | None, complete: bool) -> Path | None:
        """Joins the parts into the film, and removes them.

        Args:
            audio_from: the path of the video with the sound, or None.
            complete: whether all frames are there. If not, the sound ends with the last frame.

        Returns:
            The path of the film, or None if there are no frames.

        Raises:
            OSError: a file cannot be written. The parts are then kept under visible names, which
                the message tells.
        """
        parts = []
        try:
            if self._writer is not None:
                writer, self._writer = self._writer, None
                writer.close()
            counts = {part: frames_in_part(part) for part in self._parts()}
            parts = [part for part, count in counts.items() if count]
            if parts:
                up_to = None if complete else sum(counts.values())
                join_parts(parts, self.path, audio_from=audio_from, up_to=up_to)
        except OSError as error:
            names = ", ".join(str(_shown(part)) for part in parts or self._parts())
            reason = f"{error.strerror}; what is done of it is in {names}"
            raise OSError(error.errno, reason, str(self.path)) from error
        self._remove_parts()
        return self.path if parts else None

    def _remove_parts(self):
        for part in reversed(self._parts()):
            part.unlink()

    def _part(self, number):
        return self.path.with_name(f".{self.path.stem}.part{number}.mp4")

    def _parts(self):
        """Returns the parts that are there, in order, under hidden names."""
        name = re.compile(rf"\.?{re.escape(self.path.stem)}\.part(\d+)\.mp4")
        found = {}
        for path in self.path.parent.iterdir():
            if match := name.fullmatch(path.name):
                found[int(match[1])] = path
        for number, path in found.items():
            if path.name != self._part(number).name:
                path.rename(self._part(number))
        return [self._part(number) for number in sorted(found)]


def _shown(part):
    """Renames a hidden part so that people see it."""
    return part.rename(part.with_name(part.name.removeprefix(".")))
