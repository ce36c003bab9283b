// Shows the objects in the photo that is chosen on the page.

import {loadDetector} from './detector.js';

const [photo, status, objects, canvas] = ['photo', 'status', 'objects', 'picture'].map((id) =>
  document.getElementById(id),
);

let detect;
try {
  detect = await loadDetector();
  status.textContent = 'Choose a photo.';
  photo.disabled = false;
} catch (error) {
  status.textContent = `The detector cannot be loaded: ${error.message}`;
}

photo.addEventListener('change', async () => {
  const [file] = photo.files;
  if (!file) return;
  objects.replaceChildren();
  canvas.width = canvas.height = 0;
  try {
    await show(file);
  } catch (error) {
    status.textContent = `${file.name}: ${error.message}`;
  }
});

async function show(file) {
  const image = await createImageBitmap(file);
  const start = performance.now();
  const found = await detect(image);
  const milliseconds = Math.round(performance.now() - start);
  draw(image, found);
  objects.replaceChildren(
    ...found.map(({label, score, box}) => {
      const item = document.createElement('li');
      item.textContent = `${label} ${score.toFixed(2)} at ${box.map(Math.round).join(', ')}`;
      return item;
    }),
  );
  status.textContent = `${found.length} found in ${file.name}, in ${milliseconds} ms.`;
}

function draw(image, found) {
  canvas.width = image.width;
  canvas.height = image.height;
  const context = canvas.getContext('2d');
  context.drawImage(image, 0, 0);
  context.strokeStyle = context.fillStyle = 'red';
  context.lineWidth = 3;
  context.font = '16px sans-serif';
  for (const {label, box: [left, top, right, bottom]} of found) {
    context.strokeRect(left, top, right - left, bottom - top);
    context.fillText(label, left + 5, top + 18);
  }
}
