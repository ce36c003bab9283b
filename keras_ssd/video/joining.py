"""Joins the parts of a video into one MP4 with the sound of its source, without encoding again."""

import heapq
import itertools
import math
import os
from collections.abc import Sequence
from pathlib import Path

from keras_ssd.files import replace_file
from keras_ssd.video.packets import whole_packets
from keras_ssd.video.pyav import pyav
from keras_ssd.video.sound import Sound


def join_parts(
    parts: Sequence[str | os.PathLike],
    output: str | os.PathLike,
    *,
    audio_from: str | os.PathLike | None = None,
    up_to: int | None = None,
) -> int:
    """Joins parts that `VideoWriter` wrote into one MP4, which starts to play before it is loaded.

    Where a part goes on beyond the time at which the next begins, the frames of the next are
    taken. A part without a whole frame is skipped. The first part may be a film that this
    function joined before.

    Args:
        parts: the files in the order of their times, with one size and one `start_pts`.
        output: the file to write, which ends in .mp4; it is written whole or not at all.
        audio_from: the video that the frames came from. Its sound is copied if MP4 takes its
            codec (AAC, MP3, AC-3, E-AC-3, Opus, FLAC, ALAC), and is encoded to AAC otherwise.
        up_to: the number of frames to keep; the sound ends with the last of them. By default
            all frames and all sound are kept.

    Returns:
        The number of frames.

    Raises:
        ValueError: the parts have no frame, or do not belong together.
        OSError: the file cannot be written, for example because the disk is full; the parts stay.
    """
    av, output = pyav(), Path(output)
    counts: list[int] = []

    def write(path: Path) -> None:
        try:
            counts.append(_write(parts, path, audio_from, up_to))
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(output)) from error
        except av.FFmpegError as error:
            raise ValueError(f"{output}: FFmpeg cannot write the video: {error}") from error

    replace_file(output, write)
    return counts[0]


def _write(parts, path, audio_from, up_to):
    av = pyav()
    frames = _in_sequence(parts)
    first = next(frames, None)
    if first is None:
        raise ValueError(f"{', '.join(map(str, parts))}: no part holds a whole frame")
    count, end = 0, 0.0
    with (
        Sound(audio_from) as sound,
        av.open(f"file:{path}", "w", format="mp4", options={"movflags": "faststart"}) as file,
    ):
        video = file.add_stream_from_template(first.stream, opaque=True)
        frames = itertools.islice(itertools.chain([first], frames), up_to)
        # Negative times would be cut off, so the frames wait for sound that begins before them.
        delay = round(sound.lead() / first.time_base)
        packets = sound.packets(file, delay * first.time_base)
        for packet in heapq.merge(_later(frames, delay), packets, key=_seconds):
            if packet.stream.type == "video":
                packet.stream = video
                count += 1
                end = _seconds(packet) + float(packet.duration * packet.time_base)
            elif count == up_to and _seconds(packet) >= end:
                break
            file.mux(packet)
    return count


def _later(packets, delay):
    for packet in packets:
        packet.pts += delay
        packet.dts += delay
        yield packet


def _seconds(packet):
    return float(packet.dts * packet.time_base)


def _in_sequence(parts):
    """Yields the packets of all parts, with a time from the `start_pts` of the parts on."""
    begun = []  # (first packet, the packets after it) of each part that holds a frame
    for part in parts:
        packets = whole_packets(part)
        first = next(packets, None)
        if first is None:
            continue
        if begun and _kind(first) != _kind(begun[0][0]):
            raise ValueError(f"{part}: this part has another size or encoder than those before it")
        shift = 0
        if first.stream.container.streams.audio:  # a joined film, where the frames may be delayed
            shift = -first.pts
        packets = _later(itertools.chain([first], packets), shift)
        begun.append((next(packets), packets))
    for number, (first, packets) in enumerate(begun):
        ends = min((later.pts for later, _ in begun[number + 1 :]), default=math.inf)
        yield from itertools.takewhile(
            lambda packet, ends=ends: packet.pts < ends, itertools.chain([first], packets)
        )


def _kind(packet):
    """Returns what must be equal in all parts, because an MP4 states it once for all its frames."""
    codec = packet.stream.codec_context
    return packet.time_base, codec.width, codec.height, codec.extradata
