"""Detector and recogniser together: how well they read pages (`system`), and with which thresholds best (`tuning`)."""
