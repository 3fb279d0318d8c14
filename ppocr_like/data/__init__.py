"""From label files to batches: readers, data sets, samplers, loader, doctor."""
