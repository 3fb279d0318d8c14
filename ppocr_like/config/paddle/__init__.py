"""What PaddleOCR's recipes say in words of their own: its other names, keys, families, operators and advice."""
