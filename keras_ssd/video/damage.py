"""What is missing or damaged in a video, found while its frames are decoded."""

import heapq
import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from keras_ssd.video.values import BrokenVideoError

_Time = tuple[int, int]  # how often the times of the video began anew, and the pts
_MOST_HELD = 16  # frames; a decoder of H.264 or HEVC keeps at most these for reordering


class Damage:
    """Finds where a video broke.

    A packet holds one encoded frame in nearly all formats. The exceptions (fields, frames that
    are never shown) make no error, so packets without a frame are lost frames only if something
    else is wrong too: the demuxer or the decoder reported an error, or fewer frames came than the
    header states.

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
        self._packets = self._restarts = 0
        self._decoded_until: int | None = None
        self._last: _Time | None = None  # that of the last packet
        # The times of the packets that have not become a frame, and their places in the file;
        # and the places and numbers of the last frames. A frame may depend on those before it in
        # the file, which are shown after it.
        self._waiting: dict[_Time, int] = {}
        self._shown: deque[tuple[int, int]] = deque(maxlen=_MOST_HELD)
        self._read = 0
        self._damaged = False
        self._broken_at: int | None = None
        self._lost_at: int | None = None
        self._reasons: list[str] = []

    def packet(self, packet: Any) -> None:
        """Notes a packet that goes to the decoder."""
        self._packets += bool(packet.size)
        if packet.is_discard:
            # The header counts the frame, but an edit list hides it.
            self._stated = self._stated and self._stated - 1
        elif packet.pts is not None and self._has_times:
            if packet.dts is not None:
                if self._decoded_until is not None and packet.dts < self._decoded_until:
                    self._restarts += 1
                self._decoded_until = packet.dts
            self._last = self._restarts, packet.pts
            self._waiting[self._last] = self._packets
        if packet.is_corrupt:
            self.file_error()

    def file_error(self, reason: str | None = None) -> None:
        """Notes that the file is damaged within the last packet or behind it."""
        self._damaged = True
        if self._last is not None:
            before = sum(time < self._last for time in self._waiting)
            self._note(self._read + before, self._packets - 1)
        else:  # without times, the frames come in the order of their packets
            self._note(max(0, self._packets - 1))
        if reason and reason not in self._reasons:
            self._reasons.append(reason)

    def refused(self) -> None:
        """Notes that the decoder refused one of the packets that have not become a frame."""
        self._damaged = True

    def in_order(self, frames: Iterable[Any]) -> Iterator[Any]:
        """Yields the frames of the decoder in the order of their times.

        After damage, H.264 decoders give some frames too early. They are held back for as long
        as packets of earlier times may still become frames.
        """
        held: list[tuple[_Time, int, Any]] = []
        for frame in itertools.chain(frames, [None]):
            if frame is not None:
                if frame.pts is None:
                    self._has_times = False
                    self._waiting.clear()
                time = next((time for time in self._waiting if time[1] == frame.pts), None)
                place = self._packets if time is None else self._waiting.pop(time)
                if frame.is_corrupt:
                    self._damaged = True
                    self._note(self._read + len(held), place)
                if not (self._damaged and self._has_times):
                    yield self._next(frame, time, place)
                    continue
                if time is not None:  # a second frame of one time is not new
                    heapq.heappush(held, (time, place, frame))
            while held and (frame is None or len(held) > _MOST_HELD or self._is_next(held[0][0])):
                time, place, first = heapq.heappop(held)
                yield self._next(first, time, place)

    def _is_next(self, time):
        return all(waiting > time for waiting in self._waiting)

    def _next(self, frame, time, place):
        if self._waiting and time is not None:
            self._lose([waiting for waiting in self._waiting if waiting < time])
        self._shown.append((place, self._read))
        self._read += 1
        return frame

    def _lose(self, times):
        place = min((self._waiting.pop(time) for time in times), default=None)
        if place is not None and self._lost_at is None:
            self._lost_at = self._read
        if place is not None and self._damaged:
            self._note(self._read, place)

    def _note(self, number, place=None):
        """Notes the number of a broken frame, or of one before it that may depend on it."""
        depending = [n for p, n in self._shown if place is not None and p > place]
        number = min([number, *depending])
        self._broken_at = number if self._broken_at is None else min(number, self._broken_at)

    def check(self) -> None:
        """Checks at the end that all frames came and that none is damaged.

        Raises:
            BrokenVideoError: something is missing or damaged.
        """
        self._lose(list(self._waiting))
        missing = self._stated is not None and self._read < self._stated
        if not (missing or self._damaged or self._cut_off):
            return
        of = f" of {self._stated}" if self._stated is not None else ""
        notes = [f"{self._read}{of} frames can be read"]
        if self._damaged:
            notes.append("some may be damaged")
        if self._cut_off:
            notes.append("the file is cut off")
        notes += self._reasons
        at = self._broken_at if self._broken_at is not None else self._lost_at
        if at is None and (self._cut_off or self._has_times):
            at = self._read
        where = "" if at is None else f" at frame {at}"
        raise BrokenVideoError(f"{self._name}: the video is broken{where}: {', '.join(notes)}")


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
