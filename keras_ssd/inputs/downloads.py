"""The input that is an image or a video on the web."""

import http.client
import os
import tempfile
import urllib.parse
import weakref
from collections.abc import Iterator
from pathlib import Path

from keras_ssd.inputs.animations import WebpAnimation
from keras_ssd.inputs.frame import Frame
from keras_ssd.inputs.input import EncodedImage, Input
from keras_ssd.inputs.kinds import Kind, kind_of
from keras_ssd.inputs.streams import Stream
from keras_ssd.inputs.videos import VideoFile
from keras_ssd.video import VideoInfo
from keras_ssd.web import (
    Answer,
    answer_of,
    check_not_a_page,
    patiently,
    reason_of,
    without_password,
)

_MJPEG = "multipart/x-mixed-replace"
_LIVE = ("video/mp2t", "video/x-flv")  # are live if the server states no length


class Download(Input):
    """What an address of http or https gives: an image, a video or a stream without end.

    It is asked for when it is first used. An image is kept in memory, and a video in a file for as
    long as this object exists.

    Args:
        url: the address, which may contain a name and a password.
    """

    def __init__(self, url: str):
        super().__init__(without_password(url))
        self._url = url
        self._received: Input | None = None

    @property
    def video(self) -> VideoInfo | None:
        return self._opened().video

    @property
    def live(self) -> bool:
        return self._opened().live

    def frames(self, start: int = 0) -> Iterator[Frame]:
        yield from self._opened().frames(start)

    def _opened(self) -> Input:
        if self._received is None:
            try:
                self._received = patiently(self._receive)
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise ValueError(f"{self.name}: {reason_of(error)}") from error
            self.path = self._received.path
        return self._received

    def _receive(self):
        with answer_of(self._url) as answer:
            if not _is_live(answer):
                return self._kept(answer)
        return Stream(self._url)

    def _kept(self, answer):
        """The content as an input; its file is removed when this object is."""
        place = urllib.parse.urlsplit(self._url).path
        handle, path = tempfile.mkstemp(Path(place).suffix[:20], "keras-ssd-")
        remove = weakref.finalize(self, os.unlink, path)
        try:
            with os.fdopen(handle, "w+b") as file:
                answer.write_to(file)
                kind = _kind(file, place, answer.content_type)
            if kind is Kind.VIDEO:
                return VideoFile(path, self.name)
            if kind is Kind.WEBP_ANIMATION:
                return WebpAnimation(path, self.name)
            image = EncodedImage(Path(path).read_bytes(), self.name)
        except BaseException:
            remove()
            raise
        remove()
        return image


def _is_live(answer: Answer) -> bool:
    if answer.content_type in _LIVE:
        return answer.length is None
    return answer.content_type == _MJPEG


def _kind(file, place, content_type) -> Kind:
    """The kind of a content: by its first bytes, else by its place, else by its type."""
    file.seek(0)
    if kind_of(file, "") is None:
        file.seek(0)
        check_not_a_page(file.read(512), content_type)
    file.seek(0)
    if (kind := kind_of(file, place)) is not None:
        return kind
    kinds = {"image": Kind.IMAGE, "video": Kind.VIDEO}
    if (kind := kinds.get(content_type.partition("/")[0])) is None:
        raise ValueError(f"expected an image or a video, but the type is {content_type}")
    return kind
