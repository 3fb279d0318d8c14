"""Numbers that judge results: numpy only. A metric has `update`, `compute`, and `state` and `merge` for the ranks (`base`).

`RecMetric` compares with the text of the label file as it stands there; with the decoded label only under
`Global.paddle_exact`.
"""
