"""`python -m ppocr_like COMMAND ...`."""

from ppocr_like.cli.door import start

if __name__ == "__main__":
    start()
