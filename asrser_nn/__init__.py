"""The network of Fayek, Lech and Cavedon (Interspeech 2016): its training, transfer, use and study.

data, network, prediction, training, study, commands: each may import those before it. runs.py, what a run is, stands
beside them for all but data and network. Knows no corpus, no recipe and no program of Kaldi.
"""
