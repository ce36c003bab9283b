"""The sound of a video, as packets that go into an MP4."""

import os
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from keras_ssd.video.pyav import open_input, pyav
from keras_ssd.video.reading import VideoReader

_COPIED = {"aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"}  # codecs that MP4 takes
_SHORT = Fraction(1, 10)  # seconds
_RATE = 48000  # samples a second of sound that is encoded


class Sound:
    """The sound of a video, or silence.

    Args:
        source: the video; None for silence.
    """

    def __init__(self, source: str | os.PathLike | None):
        self._container: Any = None
        if source is None:
            return
        with VideoReader(source) as video:
            info = video.info
        if info.has_audio:
            self._start = info.start_pts * info.time_base  # seconds
            self._container = open_input(source, {})

    def lead(self) -> Fraction:
        """Returns the seconds by which the sound begins before the first frame.

        It is 0 for less than 0.1 seconds, because encoders put some samples before the first.
        """
        begins = [
            stream.start_time * stream.time_base
            for stream in (self._container.streams.audio if self._container else ())
            if stream.start_time is not None
        ]
        lead = self._start - min(begins) if begins else Fraction(0)
        return lead if lead >= _SHORT else Fraction(0)

    def packets(self, file, delay: Fraction) -> Iterator[Any]:
        """Adds a stream to an open container of PyAV for each stream of the sound.

        Args:
            file: the container.
            delay: the time in seconds of the first frame of the video there.

        Returns:
            An iterator over the packets, in the order of their times.
        """
        tracks = {}
        if self._container is not None:
            for stream in self._container.streams.audio:
                if stream.codec_context is not None:
                    copied = stream.codec_context.codec.canonical_name in _COPIED
                    kind = _Copied if copied else _Encoded
                    tracks[stream.index] = kind(file, stream, self._start - delay)
        return self._packets(tracks) if tracks else iter(())

    def _packets(self, tracks):
        av = pyav()
        try:
            for packet in self._container.demux(*(t.source for t in tracks.values())):
                yield from tracks[packet.stream.index].packets(packet)
        except av.FFmpegError:
            return  # the video is broken there, which its reader tells

    def __enter__(self) -> "Sound":
        return self

    def __exit__(self, *exception: Any) -> None:
        if self._container is not None:
            self._container.close()


class _Copied:
    """A stream that is copied as it is."""

    def __init__(self, file, source, start):
        self.source = source
        self._stream = file.add_stream_from_template(source, opaque=True)
        self._shift = round(start / source.time_base)

    def packets(self, packet):
        if packet.size and packet.dts is not None and packet.pts is not None:
            packet.pts -= self._shift
            packet.dts -= self._shift
            packet.stream = self._stream
            yield packet


class _Encoded:
    """A stream that is decoded, and encoded to AAC: mono or stereo, 48 kHz."""

    def __init__(self, file, source, start):
        self.source = source
        layout = "mono" if source.codec_context.layout.nb_channels == 1 else "stereo"
        self._stream = file.add_stream("aac", rate=_RATE, layout=layout)
        self._shift = start
        self._resampler = pyav().AudioResampler("fltp", layout, _RATE)

    def packets(self, packet):
        av = pyav()
        try:
            frames = packet.decode()
        except av.FFmpegError:
            return
        for frame in frames:
            frame.pts -= round(self._shift / frame.time_base)
            for resampled in self._resampler.resample(frame):
                yield from self._stream.encode(resampled)
        if not packet.size:  # the end
            for resampled in self._resampler.resample(None):
                yield from self._stream.encode(resampled)
            yield from self._stream.encode()
