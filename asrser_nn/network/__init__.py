"""The ConvNet: its shape, its layers, and its file; knows no files but that one.

Imports of data only the corpus, whose frames it takes. Says nothing about how it came by its weights.
"""
