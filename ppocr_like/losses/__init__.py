"""Losses: `(outputs, batch) -> dict` with `loss`, the mean over the batch's samples, and its parts.

Entries named `count/...` are sums over the batch and are not averaged. A loss names the batch entries that it reads in `needs`;
an entry `a|b` is met by either. Those of them whose numbers decide how much is computed (lengths of texts) it names in `on_host`,
too: they stay on the host, where they come from, and the loss moves what it wants on the device itself (`non_blocking`). What it
gives are tensors on the device of the outputs; it fetches no number of theirs, for that would let the host wait for the device.
It may offer `pictures(outputs, batch)`, maps (N, H, W) or (N, C, H, W) in [0, 1], which the loggers show beside the image.
A loss reads no files: the engine fills the centers of a CenterLoss (`weights.centers`).
"""
