"""Networks: torch only, no files, no config dicts.

`model(images, targets=None)` gives a dict of tensors (N, ...): logits in training, probabilities in evaluation. What a model
says of itself: `needs`, batch entries that it reads in training; `reads`, those that it reads in evaluation where they are
there; `inputs` where that is not `image`; `param_attrs()`, settings of parameters; `class_parameters()`, parameters whose dim 0
is the class index, and their layout (`ctc`, `sar`, `sar_out` without padding, `nrtr`); `training_only()`, beginnings of the
names of a guide's parameters; `out_spec.stride[1]`, px per output step; `input_size`, `widest` and `steps_follow_width`, which
the exporter reads. A module names in `on_host` those of the entries whose numbers decide how much is computed (lengths): they
stay on the host, where they come from, and the module moves what it wants on the device itself (`non_blocking`). In training no
module fetches a number from the device, for that would let the host wait. Parameters have PaddleOCR's names where that is
sensible; `paddle_names` has the rule for the rest.

A backbone that `reads` `valid_width`, px of each image that are no padding, is called with it and gives (features, (N,) columns
of each sample); the outputs then hold `lengths`, by which loss and decoder go (`backbones.vgsl`).

Heads: `CTCHead` gives `ctc` (N, T, classes); `ClsHead` gives `cls` (N, classes); `DBHead` gives `maps`, (N, 3, H, W) shrink,
threshold and binary map in training and (N, 1, H, W) in evaluation. A detector's backbone has a list as `out_spec`.

A head's or neck's own `training` may only decide which outputs it gives; what drops or normalises is a module within. So a
frozen teacher answers as in training, and a loss can be taken in evaluation (`answers`). A module with `fuse()` can be written
as fewer operations: the exporter fuses a copy. Call `layers.batch_norm` in the place of `F.batch_norm`; where norms are
synchronised over the ranks, no choice between ways of computing may depend on the number of samples. Blocks that may compute
twice inherit `recompute.Recomputable`.
"""
