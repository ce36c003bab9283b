"""The page in examples/browser, in headless Chromium, with LiteRT.js from the npm registry."""

import functools
import http.server
import re
import shutil
import subprocess
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest

import keras_ssd
from keras_ssd.geometry import iou
from keras_ssd.images import read_image, resize_image, write_image
from keras_ssd.presets import find_preset, packaged_file

ROOT = Path(__file__).parents[2]
PHOTOS = sorted((ROOT / "examples" / "photos").glob("*.jpg"))
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FILES = ("index.html", "detect.js", "detector.js", "package.json")

pytestmark = [
    pytest.mark.docs,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
    pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm"),
]


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The page with the packaged int8 file, made as the document says."""
    folder = tmp_path_factory.mktemp("browser")
    for name in FILES:
        shutil.copy(ROOT / "examples" / "browser" / name, folder)
    command = ["npm", "install", "--silent", "--ignore-scripts"]
    if subprocess.run(command, cwd=folder).returncode != 0:
        pytest.skip("npm reaches no registry")
    shutil.copy(
        packaged_file(find_preset("ssd_mobilenet_320_voc_int8")), folder / "detector.tflite"
    )
    with zipfile.ZipFile(folder / "detector.tflite") as archive:
        archive.extract("labels.txt", folder)
    return folder


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="needs keras-ssd[test]")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser):
    """Opens the page of a folder, as served by `python -m http.server`."""
    closing = []

    def open_(folder):
        handler = functools.partial(QuietHandler, directory=folder)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever).start()
        page = browser.new_page()
        closing.extend([page.close, server.shutdown, server.server_close])
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        return page

    yield open_
    for close in closing:
        close()


def objects_on(page, photo):
    """Chooses a photo on the page, and returns labels, scores and boxes that it lists."""
    page.set_input_files("#photo", photo)
    page.wait_for_function(
        "name => document.body.innerText.includes(`found in ${name}`)", arg=photo.name
    )
    lines = page.locator("#objects li").all_inner_texts()
    rows = [re.fullmatch(r"(\w+) ([\d.]+) at ([\d, ]+)", line).groups() for line in lines]
    boxes = [[float(corner) for corner in box.split(",")] for _, _, box in rows]
    return [label for label, _, _ in rows], [float(score) for _, score, _ in rows], boxes


def test_the_page_finds_the_objects_that_python_finds(folder, open_page, tmp_path):
    page = open_page(folder)
    page.wait_for_selector("#photo:not([disabled])")
    warped = [tmp_path / f"{photo.stem}.png" for photo in PHOTOS]
    for photo, path in zip(PHOTOS, warped, strict=True):
        write_image(resize_image(read_image(photo), 320), path)
    detector = keras_ssd.load_detector(folder / "detector.tflite")
    for photo in (*PHOTOS, *warped):
        labels, scores, boxes = objects_on(page, photo)
        (expected,) = detector.detect([photo], confidence_threshold=0.4)
        assert labels == [*expected.names] != []
        overlaps = np.diag(iou(np.float32(boxes), expected.boxes))
        if photo in warped:
            np.testing.assert_allclose(scores, expected.scores, atol=0.02)
            assert (overlaps > 0.97).all()
        else:  # the browser warps by another rule
            np.testing.assert_allclose(scores, expected.scores, atol=0.05)
            assert (overlaps > 0.9).all()
        size = page.evaluate("[picture.width, picture.height]")
        assert size == [*expected.size[::-1]]


def test_a_file_that_is_not_an_image_is_told_and_the_next_photo_works(folder, open_page):
    page = open_page(folder)
    page.wait_for_selector("#photo:not([disabled])")
    objects_on(page, PHOTOS[0])
    page.set_input_files("#photo", folder / "package.json")
    page.wait_for_function("document.body.innerText.includes('package.json: ')")
    assert page.locator("#objects li").count() == 0
    assert objects_on(page, PHOTOS[1])[0] == ["cat"]


def test_a_missing_file_is_told(folder, open_page, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy", symlinks=True)
    (copy / "labels.txt").unlink()
    page = open_page(copy)
    page.wait_for_function("document.body.innerText.includes('cannot be loaded')")
    assert "labels.txt: 404" in page.inner_text("#status")
    assert page.locator("#photo").is_disabled()
