"""N-gram models of a recogniser's labels: counted, written, read, and asked while a line is decoded.

A word of these models is one label, that is a class of the recogniser's dictionary or codec, in the order in which the network
emits them: of right-to-left lines that is the order of the page.
"""
