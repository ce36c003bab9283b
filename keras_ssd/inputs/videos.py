"""The input that is a video in a file."""

from collections.abc import Iterator
from contextlib import contextmanager

from keras_ssd.inputs.frame import Frame
from keras_ssd.inputs.input import Input
from keras_ssd.video import BrokenVideoError, VideoInfo, VideoReader


class VideoFile(Input):
    """A video, such as MP4, or an animated GIF.

    Args:
        path: the path of the file.
        name: the name of the input; None takes the path.
    """

    def __init__(self, path: str, name: str | None = None):
        super().__init__(path if name is None else name)
        self.path = path
        self._reader: VideoReader | None = None

    @property
    def video(self) -> VideoInfo:
        with self._named_errors():
            return self._opened().info

    def frames(self, start: int = 0) -> Iterator[Frame]:
        with self._named_errors(), self._opened() as reader:
            for frame in reader.frames(start):
                yield Frame(frame.image, self.name, frame.number, frame.time, frame.pts)

    def _opened(self):
        if self._reader is None:
            self._reader = VideoReader(self.path)
        return self._reader

    @contextmanager
    def _named_errors(self):
        """Errors name the input, not a file that it was downloaded to."""
        try:
            yield
        except ImportError as error:
            raise ValueError(f"{self.name}: {error}") from error
        except BrokenVideoError as error:
            reason = str(error).removeprefix(f"{self.path}: ")
            raise BrokenVideoError(f"{self.name}: {reason}") from error
