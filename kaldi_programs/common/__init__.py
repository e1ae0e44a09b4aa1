"""What the programs share: their frame, features, models, graphs, the search.

Imports asrser_io and no program.
"""
