"""What becomes of a whole recipe: does it validate, build, take PaddleOCR's weights, answer as PaddleOCR, learn, export?

`report.row` asks all this of one recipe; `run.py` of every recipe of a folder.
"""
