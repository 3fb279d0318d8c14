"""Network outputs (numpy arrays) to typed results: numpy only.

`(outputs, batch) -> list`, one result for each sample: `TextLine`, `PageBoxes`, `ClassResult`, `ByModel` (of several networks).
Each has `as_dict()`, plain data for reports. They are called from several threads and keep no state.
"""
