"""What a trained network says: posteriors of frames, errors against labels, phones and emotions of a recording.

Imports data, network and runs.py. Never trains.
"""
