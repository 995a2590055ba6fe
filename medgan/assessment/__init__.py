"""How good a result is, on a person's own scans: hidden slices, restored folders, virtual scans.

Reads scans and puts the metrics of `evaluation` and the comparisons of `restoration` to them; knows
nothing of pipelines. Doors: `hidden`, `restored`, `virtual`, `membership`, a module for each
`medgan evaluate`, and `damage` for `medgan detect`.
"""
