"""Image to feature map."""
