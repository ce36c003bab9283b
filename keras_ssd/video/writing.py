"""Writes frames as H.264 in MP4, so that what is written can be played at any moment."""

import contextlib
import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from keras_ssd.images.opencv import cv2
from keras_ssd.video.packets import drop_half_fragment, whole_packets
from keras_ssd.video.pyav import pyav
from keras_ssd.video.values import VideoInfo

# Without B-frames, the frames are stored in the order in which they are shown, so that the first
# n packets of a part are its first n frames.
_ENCODER = {"preset": "veryfast", "crf": "20", "bf": "0"}
_FRAGMENT = 1_000_000  # microseconds of video
_SECONDS_A_KEY_FRAME = 2
_USUAL_RATE = Fraction(25)


class VideoWriter:
    """Writes one part of a video: a fragmented MP4, which `join_parts` turns into an ordinary one.

    After every second of video a fragment goes to the disk. If the process is killed, the
    fragments before can be played, and `frames_in_part` tells how many frames they hold. Memory
    does not grow with the length.

    The codec is H.264 (libx264, preset veryfast, CRF 20, 8 bits, 4:2:0), which browsers and phones
    play. It needs an even width and height: an odd one grows by one pixel, which repeats the last
    column or row.

    Args:
        path: the file to write; an existing one is replaced.
        info: the size, rate, unit of time and shape of the pixels of the frames, as
            `VideoReader` gives them.
        start_pts: the pts that becomes the time 0; by default that of the first frame. A part
            that continues another needs the `start_pts` of the first.

    Raises:
        OSError: the file cannot be written; the error names it.

    Examples:
        with VideoReader("film.mp4") as video, VideoWriter("part.mp4", video.info) as part:
            for frame in video.frames():
                part.write(frame.image, frame.pts)
        join_parts(["part.mp4"], "copy.mp4", audio_from="film.mp4")
    """

    def __init__(self, path: str | os.PathLike, info: VideoInfo, *, start_pts: int | None = None):
        self._path = Path(path)
        self._info = info
        self._start = start_pts
        self._last: int | None = None
        self._file: Any = self._call(self._open)

    def _open(self):
        av, info = pyav(), self._info
        options = {
            # The header comes with the first fragment, because it states when the part begins.
            "movflags": "delay_moov+default_base_moof",
            "frag_duration": str(_FRAGMENT),
            "flush_packets": "1",
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = av.open(f"file:{self._path}", "w", format="mp4", options=options)
        rate = info.rate or _USUAL_RATE
        stream = file.add_stream("libx264", options=_ENCODER)
        stream.width, stream.height = info.width + info.width % 2, info.height + info.height % 2
        stream.pix_fmt = "yuv420p"
        codec = stream.codec_context
        codec.time_base = stream.time_base = info.time_base
        codec.framerate = rate
        codec.gop_size = min(250, max(1, round(_SECONDS_A_KEY_FRAME * rate)))
        codec.sample_aspect_ratio = info.pixel_aspect
        codec.thread_type = "FRAME"
        codec.colorspace = codec.color_primaries = codec.color_trc = 1  # BT.709
        codec.color_range = av.video.reformatter.ColorRange.MPEG
        self._reformatter = av.video.reformatter.VideoReformatter()
        self._stream = stream
        return file

    def write(self, image: np.ndarray, pts: int) -> None:
        """Appends a frame.

        Args:
            image: RGB uint8 (H, W, 3) of the size that `info` states.
            pts: the time at which it is shown, in units of `info.time_base`; later than the frame
                before.

        Raises:
            ValueError: the image has another size, or the time does not grow.
            OSError: the disk is full, or the file cannot be written for another reason. What was
                written before can be played.
        """
        if self._file is None:
            raise ValueError(f"{self._path}: the video is closed")
        expected = (self._info.height, self._info.width, 3)
        if image.shape != expected or image.dtype != np.uint8:
            raise ValueError(
                f"{self._path}: expected an image uint8 {expected}, not {image.dtype} {image.shape}"
            )
        if self._start is None:
            self._start = pts
        if pts < self._start or (self._last is not None and pts <= self._last):
            raise ValueError(f"{self._path}: the time of the frame, {pts}, is not after the last")
        self._last = pts
        self._call(self._write, image, pts - self._start)

    def _write(self, image, pts):
        av = pyav()
        height, width, _ = image.shape
        if width % 2 or height % 2:
            image = cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        rgb = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(image))
        frame = self._reformatter.reformat(
            rgb, format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG", threads=1
        )
        frame.pts, frame.time_base = pts, self._info.time_base
        self._file.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Writes the last fragment and closes the file.

        Raises:
            OSError: the disk is full. What was written before can be played.
        """
        if self._file is not None:
            self._call(self._close)
            self._file = None

    def _close(self):
        if self._last is not None:
            self._file.mux(self._stream.encode())
        self._file.close()

    def _call(self, function, *arguments):
        """Calls a function that writes; after an error, nothing more is written."""
        av = pyav()
        try:
            return function(*arguments)
        except OSError as error:
            self._abandon()
            raise OSError(error.errno, error.strerror, str(self._path)) from error
        except av.FFmpegError as error:
            self._abandon()
            raise ValueError(f"{self._path}: FFmpeg cannot write the video: {error}") from error

    def _abandon(self):
        file, self._file = getattr(self, "_file", None), None
        if file is not None:
            with contextlib.suppress(OSError, ValueError):  # the first error is told
                file.close()
            with contextlib.suppress(OSError):
                drop_half_fragment(self._path)

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()


def frames_in_part(path: str | os.PathLike) -> int:
    """Returns the number of whole frames in a part, also where its process was killed.

    Args:
        path: a file that `VideoWriter` wrote, or began to write.

    Returns:
        0 if the first fragment is not complete, or if there is no such file.
    """
    return sum(1 for _ in whole_packets(path))
