"""The steps of a recipe's `transforms:`. numpy and OpenCV only: training, evaluation and pipeline share them.

What a step is stands in `base`. A `GeometricTransform` only places: it moves polygons and says what the picture will show
(`view`), and the pixels are sampled once at the end of a run of such steps. Coordinates are continuous: pixel i covers [i, i +
1). A step may make several views of an image, (V, C, H, W), with an entry for each in every other array that it keeps; the
collation makes samples of them.
"""
