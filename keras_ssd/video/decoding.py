"""Decodes a video from its beginning to its end, once."""

import contextlib
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from keras_ssd.images.limits import CorruptImageError, check_pixels, max_pixels
from keras_ssd.video.damage import Damage, is_cut_off
from keras_ssd.video.orientation import orientation_of
from keras_ssd.video.pyav import is_url, logged_errors, open_input, pyav
from keras_ssd.video.values import BrokenVideoError, VideoInfo

_NOT_A_VIDEO = "not a video that FFmpeg can read, or damaged"
_FULL_HD = 1920 * 1088
_PADDING = 2**20  # pixels, by which FFmpeg makes rows longer
_UNSPECIFIED = 2  # AVCOL_SPC_UNSPECIFIED
_USUAL_RATE = Fraction(25)  # for the few videos that state neither times nor a rate


class Decoding:
    """An open video, its info, and its decoded frames in order.

    Attributes:
        info: the `VideoInfo`.
    """

    def __init__(self, path_or_url: str | os.PathLike, options: dict[str, str]):
        self._name = str(path_or_url)
        self._container: Any = None
        self._stream: Any = None
        av = pyav()
        with logged_errors() as errors:
            try:
                self._container = open_input(path_or_url, {**_limit(), **options})
            except (av.FFmpegError, OSError, ValueError) as error:
                why = _reason(error)
                logged = [text.strip() for _, _, text in errors if "whitelist" not in text]
                if why == _NOT_A_VIDEO and logged:
                    why = f"{why} ({logged[-1]})"
                raise BrokenVideoError(f"{self._name}: {why}") from error
        try:
            self._start(path_or_url)
        except BaseException:
            self.close()
            raise

    def _start(self, path_or_url):
        self._stream = stream = self._video_stream()
        self._size = stream.codec_context.width, stream.codec_context.height
        try:
            check_pixels(*self._size, self._name)
        except CorruptImageError as error:
            raise BrokenVideoError(str(error)) from error
        # If threads decode a frame each, PyAV loses the last frames where one of them is damaged.
        # Only large frames need them.
        stream.thread_type = "AUTO" if np.prod(self._size) > _FULL_HD else "SLICE"
        stream.codec_context.options = _limit()
        self._rate = stream.average_rate or stream.guessed_rate
        self._step = max(1, round(1 / ((self._rate or _USUAL_RATE) * stream.time_base)))
        self._constant = self._container.format.name == "avi"
        self._damage = Damage(
            self._name,
            stream.frames or None,
            has_times=not self._constant,
            cut_off=not is_url(path_or_url) and is_cut_off(Path(path_or_url)),
        )
        self._reformatter = pyav().video.reformatter.VideoReformatter()
        self._frames = self._timed(self._damage.in_order(self._decoded()))
        self._first = next(self._frames, None)
        if self._first is None:
            raise BrokenVideoError(f"{self._name}: no frame of the video can be read")
        self._orientation = orientation_of(self._first[0])
        self.info = self._make_info()

    def _video_stream(self):
        """Returns the video of a file; the picture on the cover of a song is not one."""
        av = pyav()
        streams = [
            stream
            for stream in self._container.streams.video
            if not stream.disposition & av.stream.Disposition.attached_pic
        ]
        best = self._container.streams.best("video")
        if not streams:
            others = len(self._container.streams)
            reason = "it has no video that can be read" if others else _NOT_A_VIDEO
            raise BrokenVideoError(f"{self._name}: {reason}")
        stream = best if best in streams else streams[0]
        if stream.codec_context is None:
            raise BrokenVideoError(f"{self._name}: FFmpeg has no decoder for this video")
        return stream

    def _make_info(self):
        stream, (width, height) = self._stream, self._size
        aspect = stream.sample_aspect_ratio or Fraction(1)
        if self._orientation.swapped:
            width, height, aspect = height, width, 1 / aspect
        return VideoInfo(
            width=width,
            height=height,
            rate=self._rate,
            time_base=stream.time_base,
            start_pts=self._first[1],
            frame_count=stream.frames or None,
            has_audio=bool(self._container.streams.audio),
            rotation=self._orientation.rotation,
            pixel_aspect=aspect,
        )

    def frames(self) -> Iterator[tuple[object, int]]:
        """Yields (frame of PyAV, pts) in order.

        Raises:
            BrokenVideoError: after the last frame, if something is missing or damaged.
        """
        yield self._first
        yield from self._frames
        self._damage.check()

    def image(self, frame: Any) -> np.ndarray:
        """Returns the upright image of a frame: RGB uint8 (H, W, 3).

        A frame of another size than that which the header states is scaled to it.
        """
        width, height = self._size
        # FFmpeg takes BT.601 where nothing is stated; players take BT.709 for high definition.
        unknown = frame.colorspace == _UNSPECIFIED and height >= 720
        colors = "ITU709" if unknown else None
        rgb = self._reformatter.reformat(
            frame, width, height, "rgb24", src_colorspace=colors, threads=1
        )
        return np.ascontiguousarray(self._orientation.turn(rgb.to_ndarray()))

    def _timed(self, frames):
        """Adds to each frame its time, which grows from frame to frame.

        AVI states the rate only, and FFmpeg guesses the times, in a wrong order for B-frames.
        """
        last, shift = None, 0
        for frame in frames:
            pts = frame.pts
            if last is None:
                pts = 0 if pts is None or self._constant else pts
            elif self._constant or pts is None:
                pts = last + self._step
            else:
                if pts + shift < last - self._step:  # they begin anew, as in joined recordings
                    shift = last + self._step - pts
                pts = max(pts + shift, last + 1)
            last = pts
            yield frame, pts

    def _decoded(self):
        """Decodes packet by packet, and goes on after one that cannot be decoded."""
        av = pyav()
        gif = self._container.format.name == "gif"
        for packet in self._packets():
            self._damage.packet(packet)
            try:
                with logged_errors() if gif else contextlib.nullcontext() as errors:
                    frames = packet.decode()
            except av.FFmpegError:
                self._damage.refused()
                continue
            if errors:  # the decoder of GIF tells nothing else
                self._damage.file_error()
            yield from frames

    def _packets(self):
        """Yields the packets of the video, and one without data, which empties the decoder."""
        av = pyav()
        packets = self._container.demux(self._stream)
        try:
            while True:
                with logged_errors() as errors:
                    packet = next(packets)
                if errors:  # FFmpeg looked for the next packet behind the damage
                    self._damage.file_error()
                yield packet
                if not packet.size:
                    return  # PyAV would fail behind it if damage made streams appear
        except av.FFmpegError as error:
            self._damage.file_error(_reason(error))
            end = av.Packet()
            end.stream = self._stream
            yield end

    def close(self) -> None:
        """Closes the file or the connection."""
        if self._stream is not None:
            # This ends the threads of the decoder without Python's lock, which they need for
            # messages about damage; PyAV would wait for them with the lock.
            self._stream.codec_context.flush_buffers()
            self._stream = None
        if self._container is not None:
            self._container.close()
            self._container = None

    def __del__(self):
        self.close()


def _limit() -> dict[str, str]:
    """Returns the option by which FFmpeg refuses larger frames, also in the middle of a video."""
    return {"max_pixels": str(max_pixels() + _PADDING)}


def _reason(error: Exception) -> str:
    """Says why FFmpeg failed, in a user's words where FFmpeg has only its own."""
    av = pyav()
    if isinstance(error, av.InvalidDataError | av.ArgumentError | av.EOFError):
        return _NOT_A_VIDEO
    return str(getattr(error, "strerror", None) or error)
