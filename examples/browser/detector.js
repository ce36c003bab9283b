// Runs a .tflite file of keras-ssd, exported with --nms, in a browser.

import {loadAndCompile, loadLiteRt, Tensor} from '@litertjs/core';

const WASM = 'node_modules/@litertjs/core/wasm/';

/** Loads the detector.tflite and labels.txt of a folder. */
export async function loadDetector(folder = '.') {
  await loadLiteRt(WASM);
  const [model, response] = await Promise.all([
    loadAndCompile(`${folder}/detector.tflite`, {accelerator: 'wasm'}),
    fetch(`${folder}/labels.txt`),
  ]);
  if (!response.ok) throw new Error(`${response.url}: ${response.status}`);
  const labels = (await response.text()).trimEnd().split('\n');
  return (image, lowestScore = 0.4) => detect(model, labels, image, lowestScore);
}

/**
 * Finds the objects in an image.
 *
 * image: an ImageBitmap, or anything else that a canvas draws.
 * Returns objects with a label, a score, and a box: left, top, right, bottom in pixels.
 */
async function detect(model, labels, image, lowestScore) {
  const [, height, width] = model.getInputDetails()[0].shape;
  const input = new Tensor(warp(image, width, height), [1, height, width, 3]);
  const outputs = await model.run([input]);
  const [boxes, classes, scores, [count]] = outputs.map((tensor) => tensor.toTypedArray().slice());
  for (const tensor of [input, ...outputs]) tensor.delete();
  const found = [];
  for (let row = 0; row < count && scores[row] >= lowestScore; row++) {
    const [top, left, bottom, right] = boxes.slice(4 * row, 4 * row + 4);
    found.push({
      label: labels[classes[row]],
      score: scores[row],
      box: [left * image.width, top * image.height, right * image.width, bottom * image.height],
    });
  }
  return found;
}

/** Warps an image to the size of the network, as bytes of red, green and blue. */
function warp(image, width, height) {
  const context = new OffscreenCanvas(width, height).getContext('2d');
  context.drawImage(image, 0, 0, width, height);
  const {data} = context.getImageData(0, 0, width, height); // red, green, blue, alpha
  return new Uint8Array(data.filter((_, index) => index % 4 !== 3));
}
