"""The page of `keras-ssd demo` in headless Chromium. It is served without TensorFlow."""

import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from keras_ssd.demo.nms import StricterNMS
from keras_ssd.images import read_image
from keras_ssd.loading import load_detector
from keras_ssd.video import VideoInfo, VideoReader, VideoWriter

pytestmark = pytest.mark.docs
ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-demo" / ("Scripts" if os.name == "nt" else "bin") / "python"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
PHOTO = ROOT / "keras_ssd" / "demo" / "photos" / "astronaut.jpg"
ASTRONAUT = ROOT / "examples" / "photos" / "astronaut.jpg"
FOCUSED = "(e => e.ariaLabel || e.innerText.trim())(document.activeElement)"
CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Serves the page where the environment names a proxy that is not there."""
    if not PYTHON.exists():
        pytest.skip("Gradio is in an environment of its own: make .venv-demo/.installed")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    folder = tmp_path_factory.mktemp("demo")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}
    environment |= {"http_proxy": "http://127.0.0.1:9", "no_proxy": ""}
    with (folder / "log").open("w+") as log:
        command = [PYTHON, "-m", "keras_ssd.cli", "demo", "--port", str(port)]
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        try:
            until = time.monotonic() + 60
            while "The page is at" not in (folder / "log").read_text():
                assert server.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < until
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}/"
        finally:
            server.terminate()  # which ends it like Ctrl-C
            server.wait(timeout=20)
    text = (folder / "log").read_text()
    assert text.count("Traceback") == text.count("was not uploaded by a user"), text
    assert [path.name for path in folder.iterdir()] == ["log"]  # uploads are removed


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("there is no Chromium")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        options = ["--no-sandbox", *CAMERA]
        browser = started.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


@pytest.fixture
def page(browser, address):
    """The page on a wide screen; nothing may be asked for from elsewhere."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(20_000)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    page.get_by_role("heading", name="keras-ssd").wait_for()
    yield page
    page.close()
    foreign = [url for url in asked if not url.startswith((address, "data:", "blob:"))]
    assert asked
    assert foreign == []


def upload(page, path):
    page.get_by_role("tabpanel").locator("input[type=file]").first.set_input_files(path)


def status(page, text):
    """Waits until the page says this, and returns the whole sentence."""
    found = page.get_by_role("tabpanel").get_by_role("status").filter(has_text=text)
    found.wait_for()
    return found.inner_text()


def rows(page):
    cells = page.get_by_role("tabpanel").get_by_role("gridcell").all_inner_texts()
    return [text.strip() for text in cells]


def downloaded(page, name):
    with page.expect_download() as download:
        page.get_by_role("tabpanel").get_by_role("button", name=name).click()
    return download.value.suggested_filename, Path(download.value.path())


def test_an_upload_shows_boxes_a_table_and_files(page, tmp_path):
    upload(page, ASTRONAUT)
    assert re.fullmatch(r"1 object found in astronaut\.jpg in \d\.\d\d s", status(page, "found"))
    page.get_by_alt_text("The picture with boxes around the objects").wait_for()
    name, score, box = rows(page)
    assert name == "person"
    assert 0.8 < float(score) < 1
    file_name, path = downloaded(page, "Download picture")
    assert file_name == "astronaut-detections.jpg"
    shutil.copy(path, tmp_path / "drawn.jpg")
    drawn, original = read_image(tmp_path / "drawn.jpg"), read_image(ASTRONAUT)
    x1, y1, _, y2 = map(int, box.split(", "))
    edge = np.abs(drawn.astype(int) - original)[y1 + 60 : y2 - 60, x1 : x1 + 2].mean()
    assert edge > 50  # a line of the box is there
    file_name, path = downloaded(page, "Download JSON")
    assert file_name == "astronaut-detections.json"
    (record,) = json.loads(path.read_text())
    assert (record["image"], record["label"]) == ("astronaut.jpg", "person")


def test_the_keyboard_reaches_an_example_and_moves_a_slider_that_shows_more_objects(page):
    reached = []
    while "astronaut" not in reached:
        assert len(reached) < 30
        page.keyboard.press("Tab")
        reached.append(page.evaluate(FOCUSED))
    page.keyboard.press("Enter")
    for label in ("range slider for Confidence", "range slider for IoU", "Classes", "Video"):
        assert label in reached
    assert status(page, "found").startswith("1 object ")
    slider = page.get_by_role("slider", name="Confidence")
    slider.focus()
    page.keyboard.press("Home")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    assert slider.input_value() == "0.05"
    detector = load_detector("ssd_mobilenet_320_voc_int8")
    (found,) = detector.detect(PHOTO, confidence_threshold=0.05)
    (apart,) = StricterNMS(detector, 0.0).detect(PHOTO, confidence_threshold=0.05)
    assert 1 < len(apart) < len(found)
    assert status(page, f"{len(found)} objects found")
    assert rows(page)[0::3] == list(found.names)
    page.get_by_role("slider", name="IoU").focus()
    page.keyboard.press("Home")
    assert status(page, f"{len(apart)} objects found")
    assert rows(page)[0::3] == list(apart.names)
    page.get_by_role("combobox", name="Classes").click()
    page.get_by_role("option", name="person").click()
    assert status(page, "1 object ")
    assert rows(page)[0] == "person"


def test_files_that_are_no_pictures_are_told_in_words(page, tmp_path):
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "notes.jpg").write_text("no picture")
    upload(page, tmp_path / "notes.txt")
    page.get_by_text("Invalid file type: notes.txt").wait_for()
    upload(page, tmp_path / "notes.jpg")
    assert status(page, "notes.jpg: not an image that can be decoded")
    assert rows(page) == []
    assert page.get_by_role("button", name="Download JSON").is_disabled()


def test_an_upload_of_200_mb_is_refused_by_the_page_and_by_the_server(page, address, tmp_path):
    path = tmp_path / "large.jpg"
    with path.open("wb") as file:
        file.truncate(200_000_000)
    upload(page, path)
    page.get_by_text("exceed the maximum allowed size of 100.0 Mb").wait_for()
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="large.jpg"\r\n\r\n'
    request = urllib.request.Request(
        f"{address}gradio_api/upload",
        data=head + path.read_bytes() + b"\r\n--x--\r\n",
        headers={"Content-Type": "multipart/form-data; boundary=x"},
    )
    with pytest.raises((urllib.error.HTTPError, ConnectionError, urllib.error.URLError)) as raised:
        urllib.request.urlopen(request)
    assert getattr(raised.value, "code", 413) == 413


def test_a_file_of_the_server_that_was_not_uploaded_is_not_read(page, address):
    """A visitor may send what the page itself would not."""
    functions = page.evaluate("window.gradio_config.dependencies")
    number = next(one["id"] for one in functions if len(one["inputs"]) == 4)
    picture = {"path": str(ASTRONAUT), "meta": {"_type": "gradio.FileData"}}
    sent = {"data": [picture, 0.5, 0.45, []], "fn_index": number, "session_hash": "visitor"}
    answer = page.request.post(f"{address}gradio_api/queue/join", data=sent)
    assert answer.ok
    events = page.request.get(f"{address}gradio_api/queue/data?session_hash=visitor").text()
    assert "process_completed" in events
    assert "astronaut-detections" not in events
    assert '"success":false' in events
    assert page.request.get(f"{address}gradio_api/file={ASTRONAUT}").status == 403


def test_a_video_becomes_a_film_and_a_broken_one_is_told(page, tmp_path):
    image, info = read_image(ASTRONAUT), VideoInfo(512, 512, Fraction(25), Fraction(1, 25))
    with VideoWriter(tmp_path / "film.mp4", info) as writer:
        for pts in range(10):
            writer.write(image, pts)
    (tmp_path / "notes.mp4").write_text("no video")
    page.get_by_role("tab", name="Video").click()
    detect = page.get_by_role("button", name="Detect objects in the video")
    detect.click()
    assert status(page, "Upload or record a video")
    upload(page, tmp_path / "film.mp4")
    page.get_by_role("tabpanel").locator("video").first.wait_for()
    detect.click()
    assert status(page, "looked at").startswith("10 frames of film.mp4")
    assert rows(page)[:2] == ["person", "10"]
    name, path = downloaded(page, "Download video")
    assert name == "film-detections.mp4"
    with VideoReader(path) as video:
        assert len(list(video.frames())) == 10
    page.get_by_role("tabpanel").get_by_role("button", name="Clear").click()
    upload(page, tmp_path / "notes.mp4")
    page.get_by_text("Video not playable").wait_for()
    detect.click()
    assert status(page, "notes.mp4: not a video that FFmpeg can read")


def test_the_camera_takes_a_picture(page):
    page.get_by_role("tabpanel").get_by_role("button", name="Capture from camera").click()
    page.get_by_text("Click to Access Webcam").click()
    page.wait_for_function("document.querySelector('video')?.videoWidth > 0")
    page.get_by_role("button", name="capture photo").click()
    assert status(page, "found in ")


def test_every_control_has_a_name_and_a_phone_needs_no_scrolling_to_the_side(page):
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    for tab in ("Picture", "Video"):
        page.get_by_role("tab", name=tab).click()
        for role in ("button", "slider", "spinbutton", "combobox", "tab", "grid"):
            for control in page.get_by_role(role).all():
                snapshot = control.aria_snapshot()
                assert re.match(rf'- {role} "[^"]+"', snapshot), snapshot
