"""Networks of one string: the specification language VGSL, as Tesseract began it and kraken extended it.

`grammar` reads a string into tokens and judges each by itself, `layers` and `recurrent` hold the modules and compute what goes
through (channels, height, width), `build` makes them of the tokens. Parameters have kraken's names. On processors
`groups` runs lines of like width together, and `layers` has quicker ways to the same numbers.
"""
