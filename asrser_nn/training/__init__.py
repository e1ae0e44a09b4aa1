"""How a network comes by its weights: the loop, layers transferred, a run from data to directory, grids of runs.

Imports data, network, runs.py and prediction, the last to evaluate what it has trained.
Compares nothing and reports nothing.
"""
