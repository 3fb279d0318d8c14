"""Packaging. `requirements.txt` pins what the tests run with; the ranges here are what the package itself needs."""

from pathlib import Path

from setuptools import find_packages, setup

DEV = ["hypothesis>=6.100", "mypy>=1.10", "pytest>=8.0", "pytest-xdist>=3.5", "ruff>=0.6", "types-PyYAML"]
PDF = ["pypdfium2>=4.30", "pypdf>=5.0", "img2pdf>=0.5"]
VISUALDL = ["visualdl>=2.5"]
TENSORBOARD = ["tensorboard>=2.14"]
READERS = ["ocrmypdf>=17.0"]  # other programs, whose parsers the tests of our files use
WANDB = ["wandb>=0.19.11"]
ARROW = ["pyarrow>=14.0"]
COREML = ["coremltools>=7.0"]  # writes kraken's .mlmodel

setup(
    name="ppocr_like",
    version="0.2.0",
    description="Train, evaluate, export and run text detectors and recognisers from one YAML file (PaddleOCR's recipes)",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    author="the ppocr_like authors",
    python_requires=">=3.10",
    packages=find_packages(include=["ppocr_like", "ppocr_like.*"]),
    package_data={"ppocr_like": ["py.typed"], "ppocr_like.finetune": ["*.yml"], "ppocr_like.report": ["templates/*.html"]},
    entry_points={"console_scripts": ["ppocr-like = ppocr_like.cli.door:start"]},
    install_requires=[
        "fonttools>=4.40",
        "jinja2>=3.0",
        "lmdb>=1.4",
        "numpy>=1.26",
        "onnx>=1.16",
        "onnxruntime>=1.18",
        "opencv-python-headless>=4.9",
        "pillow>=10.0",
        "pyclipper>=1.3",
        "pyyaml>=6.0",
        "rapidfuzz>=3.6",
        "safetensors>=0.4.3",
        "shapely>=2.0",
        "torch>=2.4",
        "tqdm>=4.66",
    ],
    extras_require={
        "pdf": PDF,
        "visualdl": VISUALDL,
        "tensorboard": TENSORBOARD,
        "wandb": WANDB,
        "arrow": ARROW,
        "coreml": COREML,
        "dev": [*DEV, *PDF, *VISUALDL, *TENSORBOARD, *READERS, *ARROW],
    },
)
