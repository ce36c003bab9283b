"""Fixtures for the tests of reports: an evaluation of drawn images, a strict reader of pages."""

from html.parser import HTMLParser

import numpy as np
import pytest

from keras_ssd.data.loading import load
from keras_ssd.evaluation.mean_ap import MeanAP
from keras_ssd.evaluation.voc import evaluate_voc
from keras_ssd.results.detections import Detections

_VOID = {"meta", "link", "br", "hr", "img", "input"}


class Page(HTMLParser):
    """Reads a page and checks what a browser and a screen reader need of it.

    Attributes:
        text: all text of the page, without the style sheet.
        ids: the ids of its elements.
        labels: the texts that a screen reader says for pictures and regions.
    """

    def __init__(self, html):
        super().__init__()
        self.open, self.ids, self.links, self.labels, self.headings = [], [], [], [], []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []
        assert len(set(self.ids)) == len(self.ids)
        assert set(self.links) <= set(self.ids)
        assert self.headings[0] == 1
        steps = np.diff(self.headings)
        assert (steps <= 1).all(), self.headings

    def handle_starttag(self, tag, pairs):
        attributes = dict(pairs)
        assert tag not in ("script", "iframe", "link", "img", "object")
        assert not any(name.startswith("on") for name in attributes)
        if "id" in attributes:
            self.ids.append(attributes["id"])
        href = attributes.get("href", "")
        if href.startswith("#"):
            self.links.append(href[1:])
        elif href:
            assert href.startswith("data:image/jpeg;base64,")
        if tag == "html":
            assert attributes["lang"] == "en"
        if tag == "th":
            assert attributes["scope"] in ("row", "col")
        if attributes.get("role") in ("img", "region"):
            self.labels.append(attributes["aria-label"])
        if tag == "svg":
            hidden = any(dict(above).get("aria-hidden") for _, above in self.open)
            assert attributes.get("role") == "img" or hidden
        if tag in ("h1", "h2", "h3", "h4"):
            self.headings.append(int(tag[1]))
        if tag not in _VOID:
            self.open.append((tag, pairs))

    def handle_startendtag(self, tag, pairs):
        self.handle_starttag(tag, pairs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        if tag not in _VOID:
            assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if not self.open or self.open[-1][0] != "style":
            self.text += data


@pytest.fixture
def read_page():
    """Reads the HTML file at a path and returns its `Page`."""
    return lambda path: Page(path.read_text("utf-8"))


@pytest.fixture(scope="package")
def data(drawn_voc):
    """8 drawn images of circles, rectangles and triangles."""
    return load(drawn_voc, "val")


@pytest.fixture(scope="package")
def found():
    """Makes detections: right ones, a wrong class, one of nothing, none in the second image."""

    def make(data):
        detections = []
        for index, sample in enumerate(data):
            boxes, labels = sample.pixel_boxes, sample.labels.copy()
            if index == 0 and len(labels):
                labels[0] = (labels[0] + 1) % len(data.class_names)
            boxes = np.concatenate([boxes, [[0, 0, 9, 9]]])
            labels = np.append(labels, 0)
            scores = np.linspace(0.9, 0.6, len(labels), dtype=np.float32)
            if index == 1:
                boxes, labels, scores = boxes[:0], labels[:0], scores[:0]
            detections.append(
                Detections(sample.id, sample.size, boxes, labels, scores, data.class_names)
            )
        return detections

    return make


@pytest.fixture(scope="package")
def measured():
    """Makes the result of `evaluate_map` from detections."""

    def make(detections, data, coco=None):
        return MeanAP(evaluate_voc(detections, data), coco, detections)

    return make
