"""One file a command: it reads paths and numbers, calls one function of the other rooms, and prints.

Importing these modules imports neither torch nor numpy, so that --help is quick.
"""
