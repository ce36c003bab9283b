"""Reads the frames of a video."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

from keras_ssd.video.decoding import Decoding
from keras_ssd.video.values import VideoFrame, VideoInfo


class VideoReader:
    """A video: a file, or the URL of a video or of a stream.

    Args:
        path_or_url: the path of a file, or a URL (a string that contains "://").
        options: options of FFmpeg for opening it, such as {"rtsp_transport": "tcp"}.

    Attributes:
        info: the `VideoInfo`.

    Raises:
        BrokenVideoError: there is no such video, or no frame of it can be read, or it has more
            pixels than `keras_ssd.images.limits.max_pixels` allows.

    Examples:
        with VideoReader("film.mp4") as video:
            print(video.info.width, video.info.height, video.info.rate)
            for frame in video.frames():
                print(frame.number, frame.time, frame.image.shape)
    """

    def __init__(self, path_or_url: str | os.PathLike, *, options: Mapping[str, str] | None = None):
        self._path_or_url = path_or_url
        self._options = dict(options or {})
        # The first frame is decoded here, because only frames tell how they are rotated.
        self._decoding: Decoding | None = self._open()
        self.info: VideoInfo = self._decoding.info

    def _open(self):
        return Decoding(self._path_or_url, self._options)

    def frames(self, start: int = 0) -> Iterator[VideoFrame]:
        """Yields the frames in order, upright.

        All frames that can be read come first; a frame that the decoder could only mend in part
        is among them.

        Args:
            start: the number of the first frame to yield. The frames before it are decoded too,
                so that the numbers are exact.

        Raises:
            BrokenVideoError: after the last frame that can be read, if frames are missing or
                damaged; the message says at which frame the video broke.
        """
        if start < 0:
            raise ValueError(f"start: expected the number of a frame, from 0, not {start}")
        decoding = self._decoding or self._open()
        self._decoding = None
        return self._frames(decoding, start)

    def _frames(self, decoding, start):
        try:
            time_base, first = self.info.time_base, self.info.start_pts
            for number, (frame, pts) in enumerate(decoding.frames()):
                if number >= start:
                    time = float((pts - first) * time_base)
                    yield VideoFrame(decoding.image(frame), number, pts, time)
        finally:
            decoding.close()

    def close(self) -> None:
        """Closes the file or the connection, if no frames were read."""
        if self._decoding:
            self._decoding.close()
            self._decoding = None

    def __enter__(self) -> "VideoReader":
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()
