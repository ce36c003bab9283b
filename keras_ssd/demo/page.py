"""The page: its controls, and what happens when they change."""

import contextvars
import html
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keras_ssd.demo.answers import MAX_FRAMES, Answer, Choice, answer_picture, answer_video
from keras_ssd.extras import require
from keras_ssd.inference.protocol import ObjectDetector

MAX_MEGABYTES = 100  # of an upload
_MAX_WAITING = 8  # runs, besides the one that is running
_KEPT_SECONDS = 3600  # of uploads and of files to download
_CONFIDENCE = 0.5
_HEIGHT = 360  # of pictures and videos, in pixels
_NO_PICTURE, _NO_VIDEO = "Upload or take a picture", "Upload or record a video"
_OBJECT_COLUMNS, _VIDEO_COLUMNS = ["class", "score", "x1, y1, x2, y2"], ["class", "frames with it"]
_ONE_AT_A_TIME: dict[str, Any] = {
    "concurrency_limit": 1,
    "concurrency_id": "detector",
    "api_visibility": "private",
}


def make_page(detector: ObjectDetector, *, model: str, examples: Sequence[Path] = ()) -> Any:
    """Returns the page for a detector, a `gradio.Blocks`.

    Args:
        detector: any kind of detector. One run after another uses it.
        model: the name of the detector, which the page shows.
        examples: the paths of pictures to try.

    Raises:
        ImportError: Gradio is not installed.
    """
    gr = require("gradio", extra="demo")
    page = gr.Blocks(
        title=f"keras-ssd: {model}",
        analytics_enabled=False,
        delete_cache=(_KEPT_SECONDS // 6, _KEPT_SECONDS),
    )
    with page:
        gr.Markdown(
            f"# keras-ssd\nObject detection with `{model}`. Pictures and videos are processed by "
            "the computer that serves this page, and go nowhere else."
        )
        settings = _settings(gr, detector)
        with gr.Tab("Picture"):
            _picture_tab(gr, detector, settings, examples)
        with gr.Tab("Video"):
            _video_tab(gr, detector, settings)
    return page.queue(max_size=_MAX_WAITING, api_open=False)


def _settings(gr, detector):
    """Adds the controls of a `Choice`."""
    lowest = getattr(detector, "confidence_threshold", None) or 0.0
    own_iou = getattr(detector, "iou_threshold", None)
    with gr.Row():
        confidence = gr.Slider(
            lowest,
            1.0,
            max(lowest, _CONFIDENCE),
            step=0.01,
            label="Confidence",
            info="The lowest score of the objects to show.",
        )
        limit = "" if own_iou is None else f" The model itself does so above {own_iou:g}."
        iou = gr.Slider(
            0.0,
            own_iou or 1.0,
            own_iou or 1.0,
            step=0.01,
            label="IoU",
            info="Of two boxes of a class that overlap more, only the better is shown." + limit,
        )
        classes = gr.Dropdown(
            list(detector.class_names),
            multiselect=True,
            label="Classes",
            info="The classes to show; all if none is chosen.",
        )
    return [confidence, iou, classes]


def _picture_tab(gr, detector, settings, examples):
    with gr.Row():
        with gr.Column():
            picture = gr.Image(
                label="Picture to look at", type="filepath", height=_HEIGHT, buttons=[]
            )
            picture.preprocess = _path_of  # the package reads the file, and says what is wrong
            if examples:
                paths, names = [[str(path)] for path in examples], [one.stem for one in examples]
                gr.Examples(paths, picture, example_labels=names, label="Examples")
        with gr.Column():
            status = gr.HTML(_status(_NO_PICTURE))
            drawn = gr.Image(
                label="Objects in the picture",
                show_label=False,  # it would hide a part of the picture
                alt_text="The picture with boxes around the objects that the table lists",
                interactive=False,
                height=_HEIGHT,
                buttons=["fullscreen"],
            )
        outputs = [status, drawn, *_table_and_files(gr, _OBJECT_COLUMNS, "picture")]

    def run(path, *chosen):
        with tempfile.TemporaryDirectory() as folder:  # Gradio copies what is in it
            answer = Answer(_NO_PICTURE)
            if path is not None:
                answer = answer_picture(detector, path, Choice(*chosen), Path(folder))
            yield _shown(gr, answer)

    changes = [one.change for one in (picture, *settings)]
    inputs = [picture, *settings]
    gr.on(changes, run, inputs, outputs, trigger_mode="always_last", **_ONE_AT_A_TIME)


def _video_tab(gr, detector, settings):
    with gr.Row():
        with gr.Column():
            video = gr.Video(label="Video to look at", height=_HEIGHT + 40)
            gr.Markdown(f"Up to {MAX_FRAMES} frames, which is a minute at 30 frames a second.")
            button = gr.Button("Detect objects in the video", variant="primary")
        with gr.Column():
            status = gr.HTML(_status(_NO_VIDEO))
            film = gr.Video(
                label="Objects in the video",
                show_label=False,
                interactive=False,
                height=_HEIGHT,
                buttons=[],
            )
        outputs = [status, film, *_table_and_files(gr, _VIDEO_COLUMNS, "video")]
    no_progress = gr.Progress()

    def run(path, confidence, iou, classes, progress=no_progress):
        context = contextvars.copy_context()  # from it Gradio knows, in a thread, whose run it is
        with tempfile.TemporaryDirectory() as folder:
            answer = Answer(_NO_VIDEO)
            if path is not None:
                answer = answer_video(
                    detector,
                    path,
                    Choice(confidence, iou, classes),
                    Path(folder),
                    lambda *done: context.run(progress, done, unit="frames"),
                )
            yield _shown(gr, answer)

    button.click(run, [video, *settings], outputs, **_ONE_AT_A_TIME)


def _table_and_files(gr, columns, what):
    with gr.Column():
        table = gr.Dataframe(headers=columns, label="Objects", interactive=False, buttons=[])
        names = (f"Download {what}", "Download JSON")
        return [table, *(gr.DownloadButton(name, interactive=False) for name in names)]


def _shown(gr, answer):
    """Returns the values of the outputs."""
    files = [
        gr.DownloadButton(value=path, interactive=path is not None)
        for path in (answer.drawn, answer.records)
    ]
    return [_status(answer.status), answer.drawn, [list(row) for row in answer.rows], *files]


def _status(text):
    """Returns the sentence as HTML that a screen reader reads out when it changes."""
    return f'<p role="status">{html.escape(text)}</p>'


def _path_of(upload):
    return None if upload is None else upload.path
