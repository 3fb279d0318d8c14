"""Learning-rate schedules, optimizers, regularizers, freezing: torch only, no files, no config dicts.

A schedule is a pure function `value(step)`. One with `follows_metric` also learns of each evaluation (`observe`) and keeps a
state. `Optimizer.step(step, scaler)` sets the rates, unscales, clips, adds coupled L2, and steps; it returns `lr`, and
`grad_norm` where that was computed. Without a scaler, gradients that are not finite raise TrainingError before anything is
changed. Its state names moments by parameter. `apply_freeze(model, consumed_samples)` is called before every step.
"""
