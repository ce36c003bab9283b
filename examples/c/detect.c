/* Prints the objects in a photo, by LiteRT's C API.

   ./detect detector.tflite labels.txt photo.ppm

   The file was exported with --nms. The photo is a binary PPM (P6) of any size. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "litert.h"

static const float kLowestScore = 0.4f;

static void fail(const char* what) {
  fprintf(stderr, "detect: %s\n", what);
  exit(1);
}

/* Ends the program if a call of LiteRT fails. */
#define CHECK(call) \
  if ((call) != 0) fail("failed: " #call)

typedef struct {
  int width, height;
  uint8_t* pixels; /* red, green, blue of each pixel, row by row */
} Image;

static Image read_ppm(const char* path) {
  Image image;
  FILE* file = fopen(path, "rb");
  if (file == NULL) fail("the photo cannot be opened");
  if (fscanf(file, "P6 %d %d 255", &image.width, &image.height) != 2 || fgetc(file) == EOF ||
      image.width < 1 || image.height < 1 || image.width > 20000 || image.height > 20000)
    fail("the photo is not a binary PPM of 8 bits");
  size_t size = 3 * (size_t)image.width * image.height;
  image.pixels = malloc(size);
  if (image.pixels == NULL || fread(image.pixels, 1, size, file) != size)
    fail("the photo is cut off");
  fclose(file);
  return image;
}

/* Warps the image to size x size pixels, bilinear; the centers of pixels lie on each other. */
static void warp(const Image* image, int size, uint8_t* to) {
  for (int row = 0; row < size; row++) {
    float y = (row + 0.5f) * image->height / size - 0.5f;
    y = y < 0 ? 0 : y > image->height - 1 ? image->height - 1 : y;
    int top = (int)y, bottom = top + 1 < image->height ? top + 1 : top;
    for (int column = 0; column < size; column++) {
      float x = (column + 0.5f) * image->width / size - 0.5f;
      x = x < 0 ? 0 : x > image->width - 1 ? image->width - 1 : x;
      int left = (int)x, right = left + 1 < image->width ? left + 1 : left;
      for (int color = 0; color < 3; color++) {
        const uint8_t* upper = image->pixels + 3 * (size_t)top * image->width + color;
        const uint8_t* lower = image->pixels + 3 * (size_t)bottom * image->width + color;
        float above = upper[3 * left] + (x - left) * (upper[3 * right] - upper[3 * left]);
        float below = lower[3 * left] + (x - left) * (lower[3 * right] - lower[3 * left]);
        *to++ = (uint8_t)(above + (y - top) * (below - above) + 0.5f);
      }
    }
  }
}

/* Prints the line of the labels' file with this number, from 0. */
static void print_label(const char* path, int number) {
  char line[256] = "?";
  FILE* file = fopen(path, "r");
  if (file == NULL) fail("the labels cannot be opened");
  for (int row = 0; row <= number && fgets(line, sizeof line, file) != NULL; row++) continue;
  fclose(file);
  line[strcspn(line, "\r\n")] = 0;
  printf("%s", line);
}

int main(int argc, char** argv) {
  if (argc != 4) fail("expected detector.tflite labels.txt photo.ppm");
  Image image = read_ppm(argv[3]);

  LiteRtEnvironment environment;
  LiteRtModel model;
  LiteRtSignature signature;
  LiteRtOptions options;
  LiteRtCompiledModel compiled;
  CHECK(LiteRtCreateEnvironment(0, NULL, &environment));
  CHECK(LiteRtCreateModelFromFile(environment, argv[1], &model));
  CHECK(LiteRtGetModelSignature(model, 0, &signature));
  CHECK(LiteRtCreateOptions(&options));
  CHECK(LiteRtSetOptionsHardwareAccelerators(options, kLiteRtHwAcceleratorCpu));
  CHECK(LiteRtCreateCompiledModel(environment, model, options, &compiled));

  size_t num_outputs;
  CHECK(LiteRtGetNumSignatureOutputs(signature, &num_outputs));
  if (num_outputs != 4) fail("the model was not exported with --nms");

  LiteRtTensor tensor;
  LiteRtRankedTensorType type;
  LiteRtTensorBufferRequirements requirements;
  LiteRtTensorBuffer input, outputs[4]; /* boxes, classes, scores, count */
  CHECK(LiteRtGetSignatureInputTensorByIndex(signature, 0, &tensor));
  CHECK(LiteRtGetRankedTensorType(tensor, &type));
  int size = type.layout.dimensions[1];
  CHECK(LiteRtGetCompiledModelInputBufferRequirements(compiled, 0, 0, &requirements));
  CHECK(LiteRtCreateManagedTensorBufferFromRequirements(environment, &type, requirements, &input));
  for (size_t index = 0; index < 4; index++) {
    CHECK(LiteRtGetSignatureOutputTensorByIndex(signature, index, &tensor));
    CHECK(LiteRtGetRankedTensorType(tensor, &type));
    CHECK(LiteRtGetCompiledModelOutputBufferRequirements(compiled, 0, index, &requirements));
    CHECK(LiteRtCreateManagedTensorBufferFromRequirements(environment, &type, requirements,
                                                          &outputs[index]));
  }

  void* address;
  CHECK(LiteRtLockTensorBuffer(input, &address, kLiteRtTensorBufferLockModeWrite));
  warp(&image, size, address);
  CHECK(LiteRtUnlockTensorBuffer(input));
  CHECK(LiteRtRunCompiledModel(compiled, 0, 1, &input, 4, outputs));

  float* results[4];
  for (int index = 0; index < 4; index++) {
    CHECK(LiteRtLockTensorBuffer(outputs[index], &address, kLiteRtTensorBufferLockModeRead));
    results[index] = address;
  }
  const float *boxes = results[0], *classes = results[1], *scores = results[2];
  int count = (int)*results[3];
  for (int row = 0; row < count && scores[row] >= kLowestScore; row++, boxes += 4) {
    print_label(argv[2], (int)classes[row]);
    printf(" %.2f at x1, y1, x2, y2 [%.0f, %.0f, %.0f, %.0f]\n", scores[row],
           boxes[1] * image.width, boxes[0] * image.height, boxes[3] * image.width,
           boxes[2] * image.height);
  }

  LiteRtDestroyTensorBuffer(input);
  for (int index = 0; index < 4; index++) {
    CHECK(LiteRtUnlockTensorBuffer(outputs[index]));
    LiteRtDestroyTensorBuffer(outputs[index]);
  }
  LiteRtDestroyCompiledModel(compiled);
  LiteRtDestroyOptions(options);
  LiteRtDestroyModel(model);
  LiteRtDestroyEnvironment(environment);
  free(image.pixels);
  return 0;
}
