"""Image to image: what straightens a line before the backbone."""
