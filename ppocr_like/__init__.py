"""OCR training in PyTorch: one YAML recipe builds, trains, evaluates and exports a detector or a recogniser."""

__version__ = "0.2.0"
