"""What is missing or damaged in a video, found while its frames are decoded."""

import heapq
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from keras_ssd.video.values import BrokenVideoError

_MOST_HELD = 16  # frames; a decoder of H.264 or HEVC keeps at most these for reordering


class Damage:
    """Finds where a video broke.

    A packet holds one encoded frame in nearly all formats. The exceptions (fields, frames that
    are never shown) make no error, so packets without a frame are lost frames only if the decoder
    reported an error, or if fewer frames came than the header states.

    Args:
        name: what the error message calls the video.
        frame_count: the number of frames that the header states, if it states one.
        has_times: whether a frame has the time of its packet, as in all formats but AVI.
        cut_off: whether the file is shorter than its header states.
    """

    def __init__(self, name: str, frame_count: int | None, *, has_times: bool, cut_off: bool):
        self._name = name
        self._stated = frame_count
        self._has_times = has_times
        self._cut_off = cut_off
        self._waiting: set[int] = set()  # the times of the packets that have not become a frame
        self._read = 0
        self._lost_at: int | None = None
        self._damaged_at: int | None = None
        self._reasons: list[str] = []

    def packet(self, packet: Any) -> None:
        """Notes a packet that goes to the decoder."""
        if packet.is_discard:
            # The header counts the frame, but an edit list hides it.
            self._stated = self._stated and self._stated - 1
        elif packet.pts is not None and self._has_times:
            self._waiting.add(packet.pts)

    def error(self, reason: str | None) -> None:
        """Notes that the decoder refused a packet, or that the file cannot be read further."""
        if self._damaged_at is None:
            self._damaged_at = self._read
        if reason and reason not in self._reasons:
            self._reasons.append(reason)

    def in_order(self, frames: Iterable[Any]) -> Iterator[Any]:
        """Yields the frames of the decoder in the order of their times.

        After damage, H.264 decoders give some frames too early. They are held back for as long
        as packets of earlier times may still become frames.
        """
        held, counter, last = [], itertools.count(), None
        for frame in itertools.chain(frames, [None]):
            if frame is not None:
                self._waiting.discard(frame.pts)
                if frame.is_corrupt and self._damaged_at is None:
                    self._damaged_at = self._read + len(held)
                if self._damaged_at is None or frame.pts is None or not self._has_times:
                    yield self._shown(frame)
                    last = frame.pts
                    continue
                if last is None or frame.pts > last:  # a second frame of one time is not new
                    heapq.heappush(held, (frame.pts, next(counter), frame))
            while held and (frame is None or len(held) > _MOST_HELD or self._is_next(held[0][0])):
                last, _, first = heapq.heappop(held)
                while held and held[0][0] == last:
                    heapq.heappop(held)
                yield self._shown(first)

    def _is_next(self, pts):
        return all(waiting > pts for waiting in self._waiting)

    def _shown(self, frame):
        if frame.pts is not None and self._waiting:
            lost = {pts for pts in self._waiting if pts < frame.pts}
            self._waiting -= lost
            if lost and self._lost_at is None:
                self._lost_at = self._read
        self._read += 1
        return frame

    def check(self) -> None:
        """Checks at the end that all frames came and that none is damaged.

        Raises:
            BrokenVideoError: something is missing or damaged.
        """
        if self._waiting and self._lost_at is None:
            self._lost_at = self._read
        missing = self._stated is not None and self._read < self._stated
        damaged = self._damaged_at is not None
        if not (missing or damaged or self._cut_off):
            return
        places = [place for place in (self._lost_at, self._damaged_at) if place is not None]
        if not places and (self._cut_off or self._has_times):
            places = [self._read]
        at = f" at frame {min(places)}" if places else ""
        of = f" of {self._stated}" if self._stated is not None else ""
        notes = [f"{self._read}{of} frames can be read"]
        if damaged:
            notes.append("some may be damaged")
        if self._stated is None and self._lost_at is not None:
            notes.append("others are missing")
        if self._cut_off:
            notes.append("the file is cut off")
        notes += self._reasons
        raise BrokenVideoError(f"{self._name}: the video is broken{at}: {', '.join(notes)}")


def is_cut_off(path: Path) -> bool:
    """Tells whether a Matroska, WebM or AVI file is shorter than its header states."""
    with path.open("rb") as file:
        start = file.read(4096)
    return _stated_bytes(start) > path.stat().st_size


def _stated_bytes(start):
    """Returns the length of the file by its first bytes; 0 if they do not state it."""
    if start[:4] == b"RIFF" and start[8:12] == b"AVI ":
        return 8 + int.from_bytes(start[4:8], "little")
    segment = start.find(b"\x18\x53\x80\x67") + 4
    if start[:4] != b"\x1a\x45\xdf\xa3" or segment < 4 or segment >= len(start):
        return 0
    length = 9 - start[segment].bit_length()  # the leading zeros of an EBML number
    number = int.from_bytes(start[segment : segment + length], "big") & ~(1 << 7 * length)
    unknown = (1 << 7 * length) - 1  # as in a live recording
    return 0 if number == unknown else segment + length + number
