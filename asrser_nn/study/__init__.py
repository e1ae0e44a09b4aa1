"""What all runs together say: counts, intervals, comparisons, tables, figures, the report.

Imports network, prediction and runs.py, and of training only how a directory says that it is complete. Reads what runs
have left on disk. Never trains.
"""
