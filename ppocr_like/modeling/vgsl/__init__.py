"""Networks of one string: the specification language VGSL, as Tesseract began it and kraken extended it.

`grammar` reads a string into tokens and judges each by itself, `shapes` computes what goes through (channels, height, width),
`layers` and `recurrent` hold the modules, `build` makes them of the tokens. Parameters have kraken's names.
"""
