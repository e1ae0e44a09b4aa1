"""What all runs together say: counts, intervals, comparisons, tables, figures, the report.

Reads what runs have left on disk; of training it knows only how a directory says that it is complete. Never trains.
"""
