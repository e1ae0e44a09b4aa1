"""The ConvNet: its shape, its layers, and its file; knows no files but that one.

Imports data, whose frames it takes. Says nothing about how it came by its weights.
"""
