"""The steps of a recipe's `transforms:`. numpy and OpenCV only: training, evaluation and pipeline share them.

What a step is stands in `base`. A `GeometricTransform` only places: it moves polygons and says what the picture will show
(`view`), and the pixels are sampled once at the end of a run of such steps. Coordinates are continuous: pixel i covers [i, i +
1). A resize step of lines tells `image_shape` and gives `valid_width` and `valid_ratio`; where it puts columns beside a line it
tells their px as `margin`, where its canvas follows the line `dynamic` and `least_width`, and `shape_of(args)` where a recipe
writes its size otherwise than `image_shape`. A step may make several views of an image, (V, C, H, W), with an entry for each in
every other array that it keeps; the collation makes samples of them.
"""
