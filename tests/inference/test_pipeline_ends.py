"""The ends of processes while the pipeline runs."""

import subprocess
import sys
from pathlib import Path

PHOTOS = Path(__file__).parents[2] / "examples" / "photos"

CTRL_C = """
import signal, sys, threading, time
import numpy as np
from keras_ssd.inference.pipeline import detect_frames
from keras_ssd.inputs import Frame
import keras_ssd

signal.signal(signal.SIGINT, signal.default_int_handler)

def frames():
    for number in range(10**6):
        yield Frame(np.zeros((90, 160, 3), np.uint8), "a", number=number, time=0.0)

try:
    for frame, found in detect_frames(keras_ssd.load_detector(sys.argv[1]), frames()):
        if frame.number == 5:
            print("running", flush=True)
except KeyboardInterrupt:
    left = [thread.name for thread in threading.enumerate()]
    print("interrupted", *left)
"""


def test_ctrl_c_ends_the_threads():
    command = [sys.executable, "-c", CTRL_C, "ssd_mobilenet_320_voc_int8"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "running\n"
        process.send_signal(2)
        assert process.communicate(timeout=20)[0] == "interrupted MainThread\n"
    assert process.returncode == 0


WAITS_FOR_STDIN = """
import keras_ssd
detector = keras_ssd.load_detector("ssd_mobilenet_320_voc_int8")
results = detector.detect("-", batch_size=1)
print(next(results), flush=True)
"""


def test_a_process_ends_while_its_reading_thread_waits_for_the_standard_input():
    command = [sys.executable, "-c", WAITS_FOR_STDIN]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdin.write(f"{PHOTOS}/chelsea.jpg\n".encode())
        process.stdin.flush()
        assert process.stdout.readline().startswith(b"1 detection in ")
        assert process.wait(timeout=20) == 0
