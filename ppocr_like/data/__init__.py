"""From label files to batches: data sets, samplers, loader, packing.

A data set tells what the label files say (`record`), gives a sample where the sampler asks for one (`fetch(request)`, which
raises Rejected for one that cannot be used), and the draws of an epoch (`epoch_indices`: ratio sampling, the same on all
ranks). A new reader inherits `drawn.DrawnDataset` and gives `counts`, `record`, `source_key`, `image_size`, and `read_image`
where its images are no files.

A sampler gives the *global* batches of an epoch in order, as a pure function of (seed, epoch); each rank takes its run of every
batch. A global batch has one canvas; the last one of a width may be short, and a rank's share of it empty: nothing is drawn
twice to fill it. The workers get requests, draw with generators of (seed, epoch, index, repeat), and so give the same samples
however many they are.

A batch is a dict: the entries that KeepKeys selected as tensors, `info` (a SampleInfo for each sample) and `rejected`. Nothing
is addressed by position. Arrays whose shapes differ (the polygons of pages) are lists; `image` never is. A batch whose samples
were all rejected holds `info == []` and `rejected` alone. Pages of one size are evaluated beside each other, so that none is
padded for its neighbours, and `Loader.batches` may then give more batches than `steps`.
"""
