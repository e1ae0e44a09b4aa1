"""From files to tensors: tables of features and labels as a corpus of frames, and audio as filterbanks.

Imports no other room.
"""
