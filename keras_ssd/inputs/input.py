"""What all inputs have in common, and the inputs that are one image."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_ssd.images import checked_image, decode_image, read_image
from keras_ssd.inputs.frame import Frame

if TYPE_CHECKING:
    from keras_ssd.video import VideoInfo


class Input:
    """One image, video, camera or stream: a name and a sequence of frames.

    Making an input opens nothing. `video`, `live` and `frames` open it when they are first used,
    and raise ValueError if that fails; the message begins with the input's name.

    Attributes:
        name: the path or the address as it was given, with `***` in place of a password; or the
            position of an array among the sources.
        path: the path of the file that holds the input; None if there is no such file.
    """

    name: str
    path: str | None = None

    def __init__(self, name: str):
        self.name = name

    @property
    def video(self) -> "VideoInfo | None":
        """The size and the rate of a video, a camera or a stream; None for a still image."""
        return None

    @property
    def live(self) -> bool:
        """Whether frames that nobody waits for are dropped, as those of a camera.

        A live input gives the newest frame each time that one is asked for. Other inputs give
        every frame.
        """
        return False

    def frames(self, start: int = 0) -> Iterator[Frame]:
        """Yields the frames in order; a still image has one.

        Args:
            start: the number of frames to leave out at the beginning. The frames of a live input
                are numbered from `start` on instead.

        Raises:
            ValueError: the input cannot be read, or not further. All frames before the damage are
                yielded first.
        """
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


class Still(Input):
    """The base class of inputs that are one image, which `read` returns."""

    def read(self) -> np.ndarray:
        """The image, RGB uint8 (H, W, 3)."""
        raise NotImplementedError

    def frames(self, start: int = 0) -> Iterator[Frame]:
        if start == 0:
            yield Frame(self.read(), self.name)


class ImageFile(Still):
    """An image file; its name is its path.

    Args:
        path: the path of the file.
    """

    def __init__(self, path: str):
        super().__init__(path)
        self.path = path

    def read(self) -> np.ndarray:
        return read_image(self.name)


class EncodedImage(Still):
    """The bytes of an image file.

    Args:
        data: the encoded image.
        name: the name of the input.
    """

    def __init__(self, data: bytes, name: str):
        super().__init__(name)
        self._data = data

    def read(self) -> np.ndarray:
        return decode_image(self._data, self.name)


class ImageArray(Still):
    """An RGB array or a PIL image.

    Args:
        image: uint8 (H, W, 3), or a PIL image. It is checked when it is read.
        position: its position among the sources.
    """

    def __init__(self, image: Any, position: int):
        super().__init__(str(position))
        self._image = image

    def read(self) -> np.ndarray:
        expected = "a path, an address, a camera, an RGB uint8 array (H, W, 3) or a PIL image"
        return checked_image(self._image, f"sources[{self.name}]", expected=expected)
