"""Pictures of results and of what a network sees, for people. numpy, cv2 and Pillow only."""
